"""seldon_core.user_model: the base class, its answer and its exception."""

from microservice.errors import SeldonNotImplementedError
from microservice.user_model import SeldonComponent, SeldonResponse

__all__ = ["SeldonComponent", "SeldonNotImplementedError", "SeldonResponse"]
