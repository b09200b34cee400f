"""How a worker carries out a run that it has taken."""
