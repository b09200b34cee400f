"""Explainers: why a predictor answered as it did, found out by asking it."""
