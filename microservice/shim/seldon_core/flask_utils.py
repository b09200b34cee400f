"""seldon_core.flask_utils: the exception by which a hook chooses status and reason; there is no Flask."""

from microservice.protocol.errors import MicroserviceError as SeldonMicroserviceException

__all__ = ["SeldonMicroserviceException"]
