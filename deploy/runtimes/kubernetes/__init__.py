"""Deployments on a Kubernetes cluster: applied, watched and pruned through the official client."""
