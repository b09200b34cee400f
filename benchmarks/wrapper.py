"""The microservice beside Seldon Core's wrapper and MLServer: the same class, one worker each."""

from __future__ import annotations

import statistics
from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import Any

import grpc
import numpy as np
import orjson

from benchmarks.grpc_loads import GrpcSide
from benchmarks.loads import Load
from benchmarks.peers import Peer, mlserver, ours, seldon_core
from benchmarks.processes import Watch
from benchmarks.rows import Comparison, Row, Side, compare, median_run, ratio_row, run_script, spread
from benchmarks.servers import scratch
from microservice.protocol import inference_pb2, prediction_pb2

_CONNECTIONS = 16
_CORE, _ML = "seldon-core-microservice 1.17.1", "MLServer 1.7.1"
_JSON = {"content-type": "application/json"}
_V2_PATH = "/v2/models/Identity/infer"
_V2_METHOD = "/inference.GRPCInferenceService/ModelInfer"
_METHOD = "/seldon.protos.Model/Predict"
_STARTS = 3
_START_SECONDS, _REST_MIB = 1.0, 80.0
# Values of so many digits that a number takes some eighteen bytes, as real ones do.
_DIGITS = np.random.default_rng(1)

Pair = tuple[Peer, Peer]
Start = Callable[[], AbstractContextManager[Peer]]


def message(kind: str, values: Any) -> bytes:
    """A SeldonMessage in JSON."""
    rows = np.asarray(values)
    data = (
        {"ndarray": rows}
        if kind == "ndarray"
        else {"tensor": {"shape": list(rows.shape), "values": rows.ravel()}}
    )
    return orjson.dumps({"data": {"names": [], **data}}, option=orjson.OPT_SERIALIZE_NUMPY)


def v2_body(values: Any) -> bytes:
    """A v2 request in JSON."""
    rows = np.asarray(values)
    head = {"name": "x", "datatype": "FP64", "shape": list(rows.shape), "data": rows.ravel()}
    return orjson.dumps({"inputs": [head]}, option=orjson.OPT_SERIALIZE_NUMPY)


def seldon_proto(values: Any) -> bytes:
    """A SeldonMessage with a tensor, in protobuf."""
    rows, made = np.asarray(values), prediction_pb2.SeldonMessage()
    made.data.tensor.shape.extend(rows.shape)
    made.data.tensor.values.extend(rows.ravel().tolist())
    return made.SerializeToString()


def v2_proto(values: Any, *, is_raw: bool) -> bytes:
    """A v2 request in protobuf, with its values in a list or as bytes."""
    rows = np.asarray(values, dtype=np.float64)
    made = inference_pb2.ModelInferRequest(model_name="Identity")
    held = made.inputs.add(name="x", datatype="FP64", shape=rows.shape)
    if is_raw:
        made.raw_input_contents.append(rows.tobytes())
    else:
        held.contents.fp64_contents.extend(rows.ravel().tolist())
    return made.SerializeToString()


def table_of(mebibytes: int) -> Any:
    """A table whose JSON is about so large."""
    return _DIGITS.random((mebibytes * 2**20 // 190, 10))


def rest_side(peer: Peer, path: str, body: bytes, seconds: float, connections: int = _CONNECTIONS) -> Side:
    """JSON over HTTP."""
    return Side(peer, Load(path, body, _JSON, connections=connections, seconds=seconds))


def check(peer: Peer, method: str, sent: bytes) -> None:
    """End the script unless a message is answered by gRPC's own client: h2load does not see gRPC's status."""
    options = [("grpc.max_receive_message_length", -1), ("grpc.max_send_message_length", -1)]
    with grpc.insecure_channel(f"127.0.0.1:{peer.grpc_port}", options) as channel:
        if not channel.unary_unary(method)(sent, timeout=60):
            raise SystemExit(f"{peer.name} answers {method} with nothing")


def beside_grpc(
    pair: Pair, method: str, sent: bytes, seconds: float, connections: int = _CONNECTIONS
) -> Comparison:
    """A message over gRPC, in turns."""
    for peer in pair:
        check(peer, method, sent)
    theirs, own = (GrpcSide(peer, method, sent, connections, seconds) for peer in pair)
    return compare(theirs, own)


def p99_row(what: str, found: Comparison, reference: str) -> Row:
    """The slowest hundredth beside the reference's."""
    ratios = [own.p99_ms / theirs.p99_ms for theirs, own in found.pairs]
    middle, own = median_run(found.reference), median_run(found.candidate)
    return Row(
        f"p99, {what}",
        f"< that of {reference}",
        f"{spread(ratios)} ×",
        statistics.median(ratios) < 1,
        f"{reference}: {middle.p99_ms:.1f} ms; ours: {own.p99_ms:.1f} ms",
        others_cpu=found.others_cpu,
    )


def both_rows(what: str, found: Comparison, reference: str, at_least: float) -> list[Row]:
    """Requests per second and the p99 of the same runs."""
    return [ratio_row(what, found, reference, at_least), p99_row(what, found, reference)]


def against_core(pair: Pair, seconds: float) -> list[Row]:
    """Small messages over HTTP and gRPC, and large ones over HTTP."""
    row = [[1.0, 2.0]]
    small = [rest_side(peer, "/predict", message("ndarray", row), seconds) for peer in pair]
    words = f"one row, {_CONNECTIONS} connections"
    rows = both_rows(f"microservice, REST, {words}", compare(*small), _CORE, 5)
    found = beside_grpc(pair, _METHOD, seldon_proto(row), seconds)
    rows += both_rows(f"microservice, gRPC, {words}", found, _CORE, 3)
    for size, connections in ((1, 4), (10, 2)):
        values = table_of(size)
        for kind in ("ndarray", "tensor"):
            large = [
                rest_side(peer, "/predict", message(kind, values), seconds, connections) for peer in pair
            ]
            what = f"microservice, REST, {kind} of {size} MB, {connections} connections"
            rows.append(ratio_row(what, compare(*large), _CORE, 3))
        sent = seldon_proto(values)
        if size == 1:  # Seldon Core refuses more than 4 MiB over gRPC
            found = beside_grpc(pair, _METHOD, sent, seconds, connections)
            rows.append(
                ratio_row(
                    f"microservice, gRPC, the tensor of {size} MB, {connections} connections", found, _CORE, 3
                )
            )
    return rows


def against_mlserver(pair: Pair, seconds: float) -> list[Row]:
    """v2 over HTTP and gRPC, small and large, in lists and as bytes."""
    row = [[1.0, 2.0]]
    words = f"one row, {_CONNECTIONS} connections"
    small = [rest_side(peer, _V2_PATH, v2_body(row), seconds) for peer in pair]
    rows = both_rows(f"microservice, v2 over REST, {words}", compare(*small), _ML, 2)
    found = beside_grpc(pair, _V2_METHOD, v2_proto(row, is_raw=False), seconds)
    rows += both_rows(f"microservice, v2 over gRPC, {words}", found, _ML, 1.5)
    for size, connections in ((1, 4), (10, 2)):
        values = table_of(size)
        large = [rest_side(peer, _V2_PATH, v2_body(values), seconds, connections) for peer in pair]
        what = f"microservice, v2 over REST, tensor of {size} MB, {connections} connections"
        rows.append(ratio_row(what, compare(*large), _ML, None))
        found = beside_grpc(pair, _V2_METHOD, v2_proto(values, is_raw=True), seconds, connections)
        rows.append(
            ratio_row(
                f"microservice, v2 over gRPC, the same as bytes, {connections} connections", found, _ML, 3
            )
        )
    return rows


def at_rest(start: Start) -> tuple[list[float], float]:
    """Seconds to the first answer of several starts, and the memory of a worker after a call."""
    seconds, memory = [], 0.0
    for _ in range(_STARTS):
        with start() as peer:
            seconds.append(peer.start_seconds)
            memory = peer.rss_mib()
    return seconds, memory


def rest_rows() -> list[Row]:
    """How soon an empty class answers, and what a worker takes."""
    with Watch() as watch, scratch() as folder:
        own, own_memory = at_rest(ours)
        core, core_memory = at_rest(seldon_core)
        others, others_memory = at_rest(lambda: mlserver(folder))
    beside = f"{_CORE}: {statistics.median(core):.1f} s; {_ML}: {statistics.median(others):.1f} s"
    return [
        Row(
            "microservice, empty class with gRPC, from its start to its first answer",
            f"≤ {_START_SECONDS:g} s",
            f"{spread(own)} s",
            statistics.median(own) <= _START_SECONDS,
            beside,
            others_cpu=watch.others,
        ),
        Row(
            "microservice, empty class with gRPC, memory of a worker at rest (resident)",
            f"≤ {_REST_MIB:g} MiB",
            f"{own_memory:.0f} MiB",
            own_memory <= _REST_MIB,
            f"{_CORE}: {core_memory:.0f} MiB; {_ML}: {others_memory:.0f} MiB",
            others_cpu=watch.others,
        ),
    ]


def measure(seconds: float) -> list[Row]:
    """Everything; a pair of servers at a time."""
    rows = []
    with ours() as own:
        with seldon_core() as core:
            rows += against_core((core, own), seconds)
        with scratch() as folder, mlserver(folder) as other:
            rows += against_mlserver((other, own), seconds)
    return [*rows, *rest_rows()]


if __name__ == "__main__":
    run_script("wrapper", measure)
