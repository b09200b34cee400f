"""Routers that learn from rewards which of their children is best."""
