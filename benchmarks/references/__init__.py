"""What our figures are held against: small honest servers and loops that do the same, the ordinary way."""
