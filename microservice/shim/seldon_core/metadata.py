"""seldon_core.metadata: the exception by which wrong metadata is refused."""

from microservice.errors import BadMetadataError as SeldonInvalidMetadataError

__all__ = ["SeldonInvalidMetadataError"]
