"""Seldon Server's `start-microservice`: images as microservices, and a strategy that splits the traffic."""
