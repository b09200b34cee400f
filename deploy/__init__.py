"""How the product and its models are run on a machine."""
