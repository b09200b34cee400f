"""What travels between a caller and a microservice: the two JSON forms and the conversions between them."""
