"""Seldon Server's gRPC: the service Classify on one component."""

from __future__ import annotations

from typing import Any

from microservice.dispatch import Answer, Dispatcher, plain
from microservice.proto_codec import PROTO, message_to_json
from microservice.proto_codec import messages as core
from microservice.protocol.classify import copy_any, pack_json, read_values, write_reply
from microservice.protocol.errors import InvalidMessageError, MicroserviceError, UnusableAnswerError
from microservice.protocol.legacy import message_to_legacy

Json = dict[str, Any]


class ClassifyService:
    """Answers with one component; a message of the caller's own is the class's `customData`."""

    def __init__(self, dispatcher: Dispatcher) -> None:
        self._dispatcher = dispatcher

    async def classify(self, request: Any) -> Answer:
        """Return the ClassificationReply to a ClassificationRequest."""
        try:
            values = read_values(request)
        except ValueError as error:
            raise InvalidMessageError(f"The request cannot be read: {error}") from error
        meta = {"puid": request.meta.puid} if request.meta.puid else {}
        if values is None:
            return Answer(await self._ask_custom(request.data, meta))
        answer = await self._dispatcher.predict_legacy({"data": values, "meta": meta})
        if answer.status >= 400:
            raise describe_refusal(answer)
        return Answer(reply_to(answer.body, meta))

    async def _ask_custom(self, data: Any, meta: Json) -> Any:
        message = core.SeldonMessage(meta=core.Meta(**meta))
        copy_any(data, message.customData)
        found = (await self._dispatcher.predict(message, PROTO)).body
        if found.WhichOneof("data_oneof") == "customData":
            answer = {"meta": {"modelName": self._dispatcher.settings.model_name}}
            return reply_to(answer, meta, found.customData)
        answer = message_to_legacy(message_to_json(found), self._dispatcher.settings.model_name)
        return reply_to(answer, meta)


def reply_to(answer: Json, meta: Json, custom: Any = None) -> Any:
    """Return the message for an answer of Seldon Server's form, with the puid of the request."""
    try:
        if custom is None and answer.get("custom") is not None:
            custom = pack_json(answer["custom"])
        return write_reply(answer | {"meta": (answer.get("meta") or {}) | meta}, custom)
    except (ValueError, TypeError, AttributeError) as error:
        raise UnusableAnswerError(
            f"The answer cannot be written as a ClassificationReply: {error}"
        ) from error


def describe_refusal(answer: Answer) -> MicroserviceError:
    """Return the error for a raw hook's message that has a failure's status: a reply has no place for one."""
    body = plain(answer.body) if isinstance(answer.body, dict) else {}
    status = body.get("status") or {}
    text = str(status.get("info") or status.get("reason") or f"status {answer.status}")
    return MicroserviceError(text, status_code=answer.status)
