"""Serves a model author's Python class over HTTP; a distribution of its own, without Django."""

from microservice.protocol.errors import MicroserviceError

__all__ = ["MicroserviceError"]
