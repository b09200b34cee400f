"""Sums that several workers share and that outlive them: what units that learn remember."""
