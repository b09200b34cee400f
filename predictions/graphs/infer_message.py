"""A message of the Open Inference Protocol on its way through a graph, whichever wire form it has."""

from __future__ import annotations

from predictions.graphs import infer
from predictions.graphs.message import NO_META, Message, Meta
from predictions.graphs.opening import open_body, open_parts, renamed

_CHAINED = {"outputs": "inputs"}


class InferMessage(Message):
    """A request, or what a unit answered to one; it has no meta."""

    __slots__ = ("is_answer",)

    def __init__(
        self, body: bytes | None, raw: bytes | None = None, *, is_answer: bool = False, unit: str = ""
    ) -> None:
        super().__init__(body, NO_META, raw, unit)
        self.is_answer = is_answer

    def as_input(self) -> InferMessage:
        """An answer as the next unit's input; a request is one already."""
        if not self.is_answer:
            return self
        is_exact = self._body is not None and not self._lost
        body = renamed(open_body(open_parts, self._body or b"{}"), _CHAINED) if is_exact else None
        raw = None if self._raw is None else self.told(infer.answer_as_request, self._raw)
        return InferMessage(body, raw, unit=self.unit)

    def request_for(self, model: str, version: str) -> bytes:
        """The bytes of the request for the model of that name and version, which may be empty."""
        return infer.for_model(self.raw, model, version)

    def answer(self, *, is_raw: bool) -> bytes:
        """The bytes of the answer, in the form in which it came; else with raw contents or without."""
        if not self.is_answer:
            raise self.fault("it has no outputs")
        was_told_in_json = self._raw is None
        raw = self.raw
        return self.told(infer.unfold_answer, raw) if was_told_in_json and not is_raw else raw

    def with_meta(self, meta: Meta) -> Message:
        """Itself: the protocol has no place for it."""
        return self

    def _to_json(self, raw: bytes) -> tuple[bytes, str]:
        return infer.answer_to_json(raw) if self.is_answer else infer.request_to_json(raw)

    def _to_proto(self, body: bytes) -> bytes:
        return infer.json_to_answer(body) if self.is_answer else infer.json_to_request(body)
