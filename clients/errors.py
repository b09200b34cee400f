"""What can be wrong with a caller, as leaves of the error tree with Seldon Server's numbers."""

from __future__ import annotations

from common.errors import (
    ConflictError,
    InternalError,
    InvalidInputError,
    NotAllowedError,
    NotAuthenticatedError,
    NotFoundError,
    QuotaExceededError,
    UnavailableError,
)


class OwnerNotNamedError(InternalError):
    """A query on clients' data was about to run without saying whose."""

    code = "owner_not_named"

    def __init__(self, model: str) -> None:
        super().__init__(f"a query on {model} needs for_client(client) or for_all_clients()")


# -- who is calling --------------------------------------------------------------------------------


class TokenMissingError(NotAuthenticatedError):
    """No token came with the request."""

    code = "token_missing"
    error_id = 15

    def __init__(self) -> None:
        super().__init__("send an access token as `Authorization: Bearer <token>`")


class TokenUnknownError(NotAuthenticatedError):
    """The token is not one of ours, or it was revoked."""

    code = "token_unknown"
    error_id = 7

    def __init__(self) -> None:
        super().__init__("the access token is not known; ask for a new one at /o/token/")


class TokenExpiredError(NotAuthenticatedError):
    """The token was good once."""

    code = "token_expired"
    error_id = 8

    def __init__(self) -> None:
        super().__init__("the access token has expired; ask for a new one at /o/token/")


class QueryTokenRefusedError(NotAuthenticatedError):
    """A token in the query string of a client whose `legacy_api` switch is off."""

    code = "token_in_query"
    error_id = 12

    def __init__(self) -> None:
        super().__init__("send the token as `Authorization: Bearer`; in the query it ends up in logs")


class KeyMissingError(NotAuthenticatedError):
    """A call of the JavaScript surface, or for a token, without a consumer key."""

    code = "consumer_key_missing"
    error_id = 16

    def __init__(self) -> None:
        super().__init__("consumer_key is missing")


class SecretMissingError(NotAuthenticatedError):
    """A token was asked for without a secret, or with a key that has none."""

    code = "consumer_secret_missing"
    error_id = 17

    def __init__(self) -> None:
        super().__init__("consumer_secret is missing")


class KeyUnknownError(NotAuthenticatedError):
    """A token was asked for with a key that does not exist."""

    code = "consumer_key_unknown"
    error_id = 5

    def __init__(self) -> None:
        super().__init__("consumer_key is not known")


class SecretWrongError(NotAuthenticatedError):
    """A token was asked for with the wrong secret."""

    code = "consumer_secret_wrong"
    error_id = 6

    def __init__(self) -> None:
        super().__init__("consumer_secret is not correct")


class ConsumerRefusedError(NotAuthenticatedError):
    """The key or its client is unknown, expired or switched off."""

    code = "consumer_refused"
    error_id = 3

    def __init__(self) -> None:
        super().__init__("this consumer key may not be used")


class ScopeRefusedError(NotAllowedError):
    """The key's scope does not reach this call."""

    code = "scope_refused"

    def __init__(self, scope: str) -> None:
        super().__init__(f"this needs a key of scope {scope!r}", scope=scope)


class OriginRefusedError(NotAllowedError):
    """A JavaScript key was used from a page it is not bound to."""

    code = "origin_refused"

    def __init__(self) -> None:
        super().__init__("this consumer key may not be used from this page")


class LookupUnavailableError(UnavailableError):
    """A credential not seen before cannot be looked up right now."""

    code = "credentials_unavailable"

    def __init__(self) -> None:
        super().__init__("credentials cannot be looked up right now; try again in a moment")


class TooManyFailuresError(QuotaExceededError):
    """Too many wrong secrets lately, of this key or from this address.

    `news` says which of the two, when it is the first refusal within an hour.
    """

    code = "too_many_failures"

    def __init__(self, retry_after_seconds: float, key: str = "", address: str = "", news: str = "") -> None:
        text = "too many wrong secrets of this consumer key, or from this address; try again later"
        super().__init__(text, retry_after_seconds=retry_after_seconds)
        self.key = key
        self.address = address
        self.news = news


class SignInsBusyError(UnavailableError):
    """Too many secrets wait to be compared."""

    code = "sign_ins_busy"

    def __init__(self) -> None:
        super().__init__("too many secrets are being compared right now; try again in a moment")


# -- how much ---------------------------------------------------------------------------------------


class RateExceededError(QuotaExceededError):
    """More requests in a second than the client's quota for this surface."""

    code = "rate_exceeded"

    def __init__(self, surface: str, limit: float, retry_after_seconds: float) -> None:
        text = f"over {limit:g} requests per second on {surface}"
        super().__init__(text, surface=surface, retry_after_seconds=retry_after_seconds)


class DailyEventsExceededError(QuotaExceededError):
    """More events in a day (UTC) than the client's quota."""

    code = "daily_events_exceeded"

    def __init__(self, limit: int, retry_after_seconds: float) -> None:
        super().__init__(f"over {limit} events per day", retry_after_seconds=retry_after_seconds)


# -- managing clients ------------------------------------------------------------------------------


class ClientMissingError(NotFoundError):
    """There is no client of that name."""

    code = "client_missing"

    def __init__(self, name: str) -> None:
        super().__init__(f"there is no client {name!r}")


class ClientExistsError(ConflictError):
    """A client of that name is there already."""

    code = "client_exists"

    def __init__(self, name: str) -> None:
        super().__init__(f"client {name!r} exists already")


class ClientNameError(InvalidInputError):
    """A name that would not be safe in paths, tags and addresses."""

    code = "client_name"

    def __init__(self, name: str) -> None:
        text = f"client name {name!r}: use 1 to 64 of A-Z a-z 0-9 _ . - and neither '.' nor '..'"
        super().__init__(text)


class KeyMissingHereError(NotFoundError):
    """This client has no such consumer key."""

    code = "key_missing"

    def __init__(self, key: str) -> None:
        super().__init__(f"there is no consumer key {key!r}")


class KeyExistsError(ConflictError):
    """A consumer key of that text is there already."""

    code = "key_exists"

    def __init__(self, key: str) -> None:
        super().__init__(f"consumer key {key!r} exists already")


class KeyInvalidError(InvalidInputError):
    """A consumer key that cannot be made as asked."""

    code = "key_invalid"


class QuotaInvalidError(InvalidInputError):
    """A quota that makes no sense."""

    code = "quota_invalid"


# -- operators --------------------------------------------------------------------------------------


class OperatorExistsError(ConflictError):
    """An operator of that name is there already."""

    code = "operator_exists"

    def __init__(self, name: str) -> None:
        super().__init__(f"operator {name!r} exists already")


class OperatorMissingError(NotFoundError):
    """There is no operator of that name."""

    code = "operator_missing"

    def __init__(self, name: str) -> None:
        super().__init__(f"there is no operator {name!r}")


class OperatorInvalidError(InvalidInputError):
    """A name or password that an operator cannot have."""

    code = "operator_invalid"
