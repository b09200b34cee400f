"""Where the units of deployments run."""
