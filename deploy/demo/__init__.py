"""The demonstration that `make run` gives: a tenant, real rows as events, two models, predictions by both."""
