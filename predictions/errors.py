"""What can go wrong between a caller and a model: each leaf says which microservice and why."""

from __future__ import annotations

from common.errors import (
    ConflictError,
    DeadlineExceededError,
    InvalidInputError,
    NotFoundError,
    UnavailableError,
    UpstreamError,
)


def _sentence(words: str) -> str:
    """What a model said, on one line and with one full stop."""
    return f"{' '.join(words.split()).rstrip('.')}."


class MicroserviceDownError(UpstreamError):
    """No connection could be made; nothing was sent."""

    code = "microservice_down"

    def __init__(self, name: str, reason: str) -> None:
        super().__init__(f"Microservice {name} cannot be reached: {reason}.", microservice=name)


class MicroserviceNotAllowedError(UpstreamError):
    """Its address lies in none of MICROSERVICE_NETWORKS; no connection was made."""

    code = "microservice_not_allowed"

    def __init__(self, name: str) -> None:
        super().__init__(
            f"Microservice {name} is not called: address not allowed by MICROSERVICE_NETWORKS.",
            microservice=name,
        )


class MicroserviceCutError(UpstreamError):
    """The connection ended before the answer was complete."""

    code = "microservice_cut"

    def __init__(self, name: str) -> None:
        super().__init__(
            f"Microservice {name} closed the connection before its answer was complete.", microservice=name
        )


class MicroserviceGarbageError(UpstreamError):
    """The answer is not what the microservice's protocol says."""

    code = "microservice_garbage"

    def __init__(self, name: str, reason: str) -> None:
        super().__init__(f"Microservice {name} gave an unusable answer: {reason}.", microservice=name)


class MicroserviceFailedError(UpstreamError):
    """The microservice answered, and its answer says that it failed."""

    code = "microservice_failed"

    def __init__(self, name: str, reason: str) -> None:
        super().__init__(f"Microservice {name} failed: {_sentence(reason)}", microservice=name)


class AnswerTooLargeError(UpstreamError):
    """The answer is larger than the gateway takes."""

    code = "answer_too_large"

    def __init__(self, name: str, max_bytes: int) -> None:
        super().__init__(f"Microservice {name} answered more than {max_bytes} bytes.", microservice=name)


class AnswersTooManyError(UnavailableError):
    """The answers under way are together larger than the gateway holds for one microservice."""

    code = "answers_too_many"

    def __init__(self, name: str, max_bytes: int) -> None:
        super().__init__(
            f"Microservice {name} sends more than {max_bytes} bytes of answers at once; try again.",
            microservice=name,
        )


class MicroserviceSlowError(DeadlineExceededError):
    """No complete answer within the deadline."""

    code = "microservice_slow"

    def __init__(self, name: str, seconds: float) -> None:
        super().__init__(f"Microservice {name} did not answer within {seconds:g} s.", microservice=name)


class MicroserviceBusyError(UnavailableError):
    """As many calls as allowed are under way, and those that wait are as many as allowed too."""

    code = "microservice_busy"

    def __init__(self, name: str, limit: int) -> None:
        super().__init__(f"Microservice {name} has {limit} calls under way; try again.", microservice=name)


class MicroserviceRestingError(UnavailableError):
    """The circuit breaker is open: it failed repeatedly and is not called for a while."""

    code = "microservice_resting"

    def __init__(self, name: str, seconds: float) -> None:
        super().__init__(
            f"Microservice {name} failed repeatedly and is not called for another {max(seconds, 0):.1f} s.",
            microservice=name,
            retry_after_seconds=max(1, round(seconds)),
        )


class ClientBusyError(UnavailableError):
    """The client has as many predictions under way as one worker takes."""

    code = "client_busy"

    def __init__(self, client: str, limit: int) -> None:
        super().__init__(f"Client {client} has {limit} predictions under way in this worker; try again.")


class ModelRefusedError(InvalidInputError):
    """The model itself says that the input is wrong; `body` and `model_status` are its own words."""

    code = "model_refused"

    def __init__(self, name: str, reason: str, model_status: int, body: bytes) -> None:
        super().__init__(f"Microservice {name} refused the input: {_sentence(reason)}", microservice=name)
        self.model_status = model_status
        self.body = body


class MicroserviceMissingError(NotFoundError):
    """The client has no microservice of that name."""

    code = "microservice_missing"

    def __init__(self, client: str, name: str) -> None:
        super().__init__(f"Client {client} has no microservice {name!r}.")


class AnswererMissingError(NotFoundError):
    """The client has neither a deployment nor a microservice of that name."""

    code = "answerer_missing"

    def __init__(self, client: str, name: str) -> None:
        super().__init__(f"Client {client} has neither a deployment nor a microservice {name!r}.")


class StrategyMissingError(NotFoundError):
    """Neither the client nor the installation has a prediction strategy."""

    code = "strategy_missing"
    error_id = 37

    def __init__(self, client: str) -> None:
        super().__init__(
            f"Client {client} has no prediction strategy: set /all_clients/{client}/predict_algs"
        )


class MessageError(InvalidInputError):
    """The body cannot be brought into the form that the chosen microservice speaks."""

    code = "message_unusable"


class FeedbackUnroutableError(InvalidInputError):
    """The feedback's response does not say which microservice answered."""

    code = "feedback_unroutable"


class MicroserviceExistsError(ConflictError):
    """The client has a microservice of that name."""

    code = "microservice_exists"

    def __init__(self, client: str, name: str) -> None:
        super().__init__(f"Client {client} has a microservice {name!r} already.")


class MicroserviceUsedError(ConflictError):
    """The client's strategy calls the microservice."""

    code = "microservice_used"

    def __init__(self, client: str, name: str) -> None:
        super().__init__(
            f"Microservice {name!r} is called by /all_clients/{client}/predict_algs: take it out there first."
        )


class MicroserviceInvalidError(InvalidInputError):
    """A field of a microservice cannot be used; `data["field"]` says which."""

    code = "microservice_invalid"

    def __init__(self, field: str, reason: str) -> None:
        super().__init__(f"{field}: {reason}", field=field, reason=reason)


class DeploymentMissingError(NotFoundError):
    """The client has no deployment of that name."""

    code = "deployment_missing"

    def __init__(self, client: str, name: str) -> None:
        super().__init__(f"Client {client} has no deployment {name!r}.")


class ServingInvalidError(InvalidInputError):
    """What a deployment is said to serve cannot be; `data["pointer"]` says where."""

    code = "serving_invalid"

    def __init__(self, name: str, pointer: str, reason: str) -> None:
        super().__init__(f"Deployment {name}, {pointer}: {reason}", pointer=pointer, reason=reason)


class ProtocolMismatchError(NotFoundError):
    """The path is of a protocol that the deployment does not speak."""

    code = "protocol_mismatch"

    def __init__(self, deployment: str, protocol: str) -> None:
        paths = {"seldon": "/api/v1.0/predictions", "v2": "/v2/models/<model>/infer"}
        path = paths.get(protocol, "/v1/models/<model>:predict")
        super().__init__(f"Deployment {deployment} speaks {protocol}: call …{path}", protocol=protocol)


class UnitMissingError(NotFoundError):
    """No graph of the deployment has a unit of that name that is called anywhere."""

    code = "unit_missing"

    def __init__(self, deployment: str, unit: str) -> None:
        super().__init__(f"Deployment {deployment} has no unit {unit!r} that could be asked.")


class UnitNotReadyError(UnavailableError):
    """A unit of the graph has no replica that is ready."""

    code = "unit_not_ready"

    def __init__(self, unit: str) -> None:
        super().__init__(f"Unit {unit} is not ready: none of its replicas is.", unit=unit)


class UnitUnloadableError(UpstreamError):
    """The class of a unit in this process cannot be imported or constructed."""

    code = "unit_unloadable"

    def __init__(self, unit: str, reason: str) -> None:
        super().__init__(f"Unit {unit} could not be loaded: {_sentence(reason)}", unit=unit)


class UnitsInProcessOffError(UnavailableError):
    """The unit is a class for the gateway's own process, which the settings do not allow."""

    code = "units_in_process_off"

    def __init__(self, unit: str) -> None:
        super().__init__(
            f"Unit {unit} is not loaded: UNITS_IN_PROCESS does not allow code in the gateway.", unit=unit
        )


class UnitRefusedError(UpstreamError):
    """A unit answered with an error of its own; `answer_status`, `body` and `content_type` are its words."""

    code = "unit_refused"

    def __init__(self, unit: str, status: int, body: bytes, content_type: str) -> None:
        super().__init__(f"Unit {unit} answered with status {status}.", unit=unit)
        self.unit = unit
        self.answer_status = status
        self.body = body
        self.content_type = content_type


class InvalidRoutingError(UpstreamError):
    """A router chose a child that its node does not have; Seldon Core's engine calls it 207."""

    code = "invalid_routing"

    def __init__(self, unit: str, reason: str) -> None:
        super().__init__(
            f"Unit {unit}: {reason}.", unit=unit, engine_code=207, engine_reason="Invalid Routing"
        )


class CombinerError(UpstreamError):
    """The built-in combiner cannot average what its children answered; Seldon Core's engine calls it 204."""

    code = "combiner_failed"

    def __init__(self, unit: str, reason: str) -> None:
        super().__init__(
            f"Unit {unit}: {reason}.", unit=unit, engine_code=204, engine_reason="Combiner error"
        )
