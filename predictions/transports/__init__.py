"""Ways to carry one call to a microservice and its answer back."""
