"""What can go wrong in the management API beyond what services refuse."""

from __future__ import annotations

from common.errors import InvalidInputError, UnavailableError


class DatabaseUnavailableError(UnavailableError):
    """The database did not answer, or refused."""

    code = "database_unavailable"

    def __init__(self) -> None:
        super().__init__("the database does not answer right now; try again in a moment")


class PreconditionInvalidError(InvalidInputError):
    """`If-Match` or `If-None-Match` is not one of our ETags."""

    code = "precondition_invalid"

    def __init__(self, text: str) -> None:
        super().__init__(f'{text!r} is not an ETag of a document; write the version in quotes, as in "3"')
