"""Tries a microservice: one call beside the data plane, and everything that was said."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

import orjson

from common import clock
from common.errors import SeldonError
from common.networks import Network
from predictions.errors import MessageError
from predictions.message_types import NO_TYPES, MessageTypes
from predictions.protocols import PROTOCOLS
from predictions.protocols.over_grpc import protocol_of
from predictions.records import MicroserviceSpec
from predictions.transports.base import Answer, Call
from predictions.transports.remote import remote_transport

SAMPLES: Final[dict[str, Any]] = {
    "legacy": {"data": {"f1": 1.0, "f2": 2.0}},
    "seldon": {"data": {"names": ["f1", "f2"], "ndarray": [[1.0, 2.0]]}},
    "v2": {"inputs": [{"name": "input-0", "shape": [1, 2], "datatype": "FP64", "data": [1.0, 2.0]}]},
}
# More of an answer than this helps nobody to see what is wrong.
SHOWN_BYTES: Final = 20_000
_MAX_ANSWER_BYTES: Final = 33_554_432


@dataclass(frozen=True, slots=True)
class Probe:
    """What was asked, what came back, how long it took; `problem` is empty when it is a prediction."""

    method: str
    url: str
    request_body: str
    status: int
    content_type: str
    answer_body: str
    seconds: float
    problem: str

    @property
    def is_good(self) -> bool:
        """Whether the gateway would have passed the answer on."""
        return not self.problem


async def probe_microservice(
    client: str,
    spec: MicroserviceSpec,
    sample: Any = None,
    networks: tuple[Network, ...] = (),
    types: MessageTypes = NO_TYPES,
) -> Probe:
    """Calls `spec` with `sample`, or one of its protocol; within `networks` when there are any.

    `types` are the client's own messages of Seldon Server's gRPC.
    """
    protocol = protocol_of(spec.protocol, lambda: types) if spec.is_grpc else PROTOCOLS[spec.protocol]
    document = SAMPLES[spec.protocol] if sample is None else sample
    if not isinstance(document, dict):
        raise MessageError("A sample is a JSON object, as a caller would send it.")
    call = protocol.call(spec.target, orjson.dumps(document), client, "test")
    transport = remote_transport(spec, _MAX_ANSWER_BYTES, networks)
    answer, problem = Answer(0, "", b""), ""
    started = clock.perf_counter()
    try:
        answer = await transport.call(call, spec.deadline_seconds)
        _, body = protocol.read_document(spec.name, answer)
        answer = answer._replace(body=body)
    except SeldonError as error:
        problem = error.message
    finally:
        await transport.close()
    seconds = clock.perf_counter() - started
    return _told(spec, document, call, answer, (seconds, problem))


def _told(spec: MicroserviceSpec, document: Any, call: Call, answer: Answer, end: tuple[float, str]) -> Probe:
    return Probe(
        method="gRPC" if spec.is_grpc else call.method,
        url=f"{spec.origin}{call.target}",
        request_body=orjson.dumps(document).decode(),
        status=answer.status,
        content_type=answer.content_type,
        answer_body=answer.body[:SHOWN_BYTES].decode("utf-8", "replace"),
        seconds=end[0],
        problem=end[1],
    )
