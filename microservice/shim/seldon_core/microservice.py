"""seldon_core.microservice: the exception that older classes import from here, and the command's function."""

from microservice.main import core_main as main
from microservice.protocol.errors import MicroserviceError as SeldonMicroserviceException

__all__ = ["SeldonMicroserviceException", "main"]
