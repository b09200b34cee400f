"""The gRPC door: the same callers, deployments, records and errors as over HTTP."""

from __future__ import annotations

import asyncio
import math
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import grpc
import pytest
from google.protobuf.empty_pb2 import Empty
from google.protobuf.json_format import MessageToDict, ParseDict
from grpc import aio
from grpc_health.v1 import health_pb2, health_pb2_grpc

from common.errors import UnavailableError
from microservice.protocol import prediction_pb2 as pb
from microservice.protocol import prediction_pb2_grpc
from predictions.grpc_calls import GrpcMethods
from predictions.grpc_part import GrpcPart
from predictions.servicers import seldon_methods
from tests.predictions.graphs.servings import predictor, serving, unit
from tests.predictions.graphs.units import SUM, Refusal, add, routing_to, units
from tests.predictions.machine import Machine, TokenDoor, answering, read, spec
from tests.predictions.test_grpc_transport import EveryMethod, grpc_server, refusal
from tests.predictions.upstreams import cut_before
from tests.predictions.upstreams import serving as serving_one

stubs: Any = prediction_pb2_grpc
ONES = ParseDict({"data": {"names": ["a", "b"], "ndarray": [[1.0, 2.0]]}}, pb.SeldonMessage())
ACME = (("authorization", "Bearer acme"),)


@asynccontextmanager
async def door_of(machine: Machine, max_body_bytes: int = 10_000) -> AsyncIterator[aio.Channel]:
    """A channel to the gRPC door over the machine's gateway."""
    methods = GrpcMethods(seldon_methods(machine.gateway, max_body_bytes), TokenDoor())
    part = GrpcPart(methods, "127.0.0.1:0", 1 << 24)
    await part.start()
    try:
        async with aio.insecure_channel(f"127.0.0.1:{part.port}") as channel:
            yield channel
    finally:
        await part.stop()


def deploy(machine: Machine, url: str) -> None:
    machine.deploy("acme", sum=serving(predictor(unit("a", endpoints=url))))


@pytest.mark.parametrize(
    "metadata",
    [
        (("seldon", "sum"), ("namespace", "acme"), *ACME),
        (("seldon", "sum"), *ACME),
        ACME,
        (("oauth_token", "acme"),),
        (("x-auth-token", "acme"), ("seldon", "sum")),
    ],
)
async def test_prediction_by_every_way_to_name_deployment_and_caller(metadata: Any) -> None:
    async with units({"any": add(1)}) as (machine, (a,)), door_of(machine) as channel:
        deploy(machine, a.url)
        call = stubs.SeldonStub(channel).Predict(ONES, metadata=(*metadata, ("seldon-puid", "p1")))
        found = MessageToDict(await call)
        told = dict(await call.initial_metadata())
        (record,) = machine.records()
    assert found["data"]["ndarray"] == [[2.0, 3.0]]
    assert (found["meta"]["puid"], found["meta"]["routing"], told["seldon-puid"]) == ("p1", {"a": -1}, "p1")
    assert (record["microservice"], record["puid"]) == ("sum", "p1")


async def test_bytes_reach_a_unit_over_grpc_unread() -> None:
    sent: list[bytes] = []

    async def echo(body: bytes, context: Any) -> bytes:
        sent.append(body)
        return body

    # A field that nobody knows would not outlive a translation.
    raw = ONES.SerializeToString() + b"\xfa\x3e\x03abc"
    async with units() as (machine, _), grpc_server(echo) as port, door_of(machine) as channel:
        deploy(machine, f"grpc://127.0.0.1:{port}")
        await channel.unary_unary("/seldon.protos.Seldon/Predict")(raw, metadata=ACME)
    assert sent == [raw]


async def test_another_clients_deployment_is_not_found() -> None:
    async with units({"any": add(1)}) as (machine, (a,)), door_of(machine) as channel:
        deploy(machine, a.url)
        for named in ((("seldon", "sum"), ("namespace", "acme")), (("seldon", "sum"),)):
            metadata = (*named, ("authorization", "Bearer globex"))
            found = await refusal(stubs.SeldonStub(channel).Predict(ONES, metadata=metadata))
            assert found[0] is grpc.StatusCode.NOT_FOUND
        assert a.paths == []


async def test_unknown_caller_is_refused_on_every_method() -> None:
    async with units() as (machine, _), door_of(machine) as channel:
        stub = stubs.SeldonStub(channel)
        calls = (
            stub.Predict(ONES),
            stub.SendFeedback(pb.Feedback()),
            stub.ModelMetadata(pb.SeldonModelMetadataRequest()),
            stub.GraphMetadata(Empty()),
        )
        assert {(await refusal(call))[0] for call in calls} == {grpc.StatusCode.UNAUTHENTICATED}


async def test_microservice_of_the_name_answers_where_no_deployment_does() -> None:
    async with serving_one(answering({"strData": "hello"})) as model, units() as (machine, _):
        machine.register("acme", spec(model.origin))
        async with door_of(machine) as channel:
            metadata = (*ACME, ("seldon", "iris"), ("seldon-puid", "p1"))
            call = stubs.SeldonStub(channel).Predict(ONES, metadata=metadata)
            assert (await call).strData == "hello"
            assert dict(await call.initial_metadata())["seldon-puid"] == "p1"


@pytest.mark.parametrize(
    ("said", "code", "words"),
    [
        (
            Refusal("400 Bad", {"status": {"info": "too hot"}}),
            grpc.StatusCode.INVALID_ARGUMENT,
            "Unit sum/a: too hot",
        ),
        (Refusal("503 Busy", {"no": 1}), grpc.StatusCode.UNAVAILABLE, "Unit sum/a answered with status 503."),
        (
            {"meta": {}},
            grpc.StatusCode.INTERNAL,
            "Microservice sum/a gave an unusable answer: a SeldonMessage without data.",
        ),
    ],
)
async def test_failure_of_a_unit_has_its_code_and_words(said: Any, code: grpc.StatusCode, words: str) -> None:
    async with units({"any": lambda _: said}) as (machine, (a,)), door_of(machine) as channel:
        deploy(machine, a.url)
        assert await refusal(stubs.SeldonStub(channel).Predict(ONES, metadata=ACME)) == (code, words)


def holding(number: float) -> pb.SeldonMessage:
    """A message whose one number it is."""
    message = pb.SeldonMessage()
    message.data.ndarray.values.add().list_value.values.add().number_value = number
    return message


def number_in(message: pb.SeldonMessage) -> float:
    return float(message.data.ndarray.values[0].list_value.values[0].number_value)


async def echoed(body: bytes, context: Any) -> bytes:
    return body


async def test_nan_stays_nan_where_units_speak_grpc_and_is_refused_before_one_that_reads_json() -> None:
    async with (
        units({"any": add(1)}) as (machine, (a,)),
        grpc_server(echoed) as port,
        door_of(machine) as channel,
    ):
        stub, echo = stubs.SeldonStub(channel), f"grpc://127.0.0.1:{port}"
        deploy(machine, echo)
        assert math.isnan(number_in(await stub.Predict(holding(math.nan), metadata=ACME)))
        deploy(machine, a.url)
        found = await refusal(stub.Predict(holding(math.nan), metadata=ACME))
        graph = unit("e", "MODEL", unit("a", endpoints=a.url), endpoints=echo)
        machine.deploy("acme", sum=serving(predictor(graph)))
        blamed = await refusal(stub.Predict(holding(-math.inf), metadata=ACME))
    lost = "the number at /data/ndarray/0/0 is NaN or infinite, which JSON cannot say, and unit sum/a"
    lost = f"{lost} reads JSON."
    assert found == (grpc.StatusCode.INVALID_ARGUMENT, f"The message cannot be used: {lost}")
    assert blamed == (grpc.StatusCode.INTERNAL, f"Microservice sum/e gave an unusable answer: {lost}")
    assert a.paths == []


async def test_nan_that_python_writes_over_http_stays_nan_for_callers_over_grpc() -> None:
    said = b'{"data":{"names":[],"ndarray":[[NaN]]},"meta":{"tags":{"a":1}}}'
    async with units({"any": lambda _: said}) as (machine, (a,)), door_of(machine) as channel:
        deploy(machine, a.url)
        found = await stubs.SeldonStub(channel).Predict(ONES, metadata=ACME)
    assert math.isnan(number_in(found))
    assert found.meta.tags["a"].number_value == 1


async def test_feedback_with_nan_is_refused_since_it_goes_as_json() -> None:
    async with units({"any": add(1)}) as (machine, (a,)), door_of(machine) as channel:
        deploy(machine, a.url)
        feedback = pb.Feedback(request=holding(math.nan), response=ONES, reward=1)
        found = await refusal(stubs.SeldonStub(channel).SendFeedback(feedback, metadata=ACME))
    assert found[0] is grpc.StatusCode.INVALID_ARGUMENT
    assert "/request/data/ndarray/0/0 is NaN" in found[1]


@pytest.mark.parametrize(
    ("words", "told"), [("no", "Unit sum/a: no"), ("", "Unit sum/a answered UNIMPLEMENTED.")]
)
async def test_failure_of_a_unit_over_grpc_names_it_to_callers_over_both(words: str, told: str) -> None:
    async def fail(body: bytes, context: Any) -> bytes:
        await context.abort(grpc.StatusCode.UNIMPLEMENTED, words)
        return b""

    async with units() as (machine, _), grpc_server(fail) as port, door_of(machine) as channel:
        deploy(machine, f"grpc://127.0.0.1:{port}")
        over_grpc = await refusal(stubs.SeldonStub(channel).Predict(ONES, metadata=ACME))
        over_http = await machine.post(SUM, {"strData": "x"})
    assert over_grpc == (grpc.StatusCode.UNIMPLEMENTED, told)
    assert (over_http.status, read(over_http)["status"]["info"]) == (501, told)


async def test_feedback_goes_along_the_routing_that_came_back() -> None:
    reply = {"meta": {}, "strData": "thanks"}
    router: Any = {"route": routing_to(1), "send_feedback": reply}
    model: Any = {"predict": add(1), "send_feedback": reply}
    async with units(router, model, model) as (machine, (r, a, b)), door_of(machine) as channel:
        children = unit("a", endpoints=a.url), unit("b", endpoints=b.url)
        machine.deploy("acme", sum=serving(predictor(unit("r", "ROUTER", *children, endpoints=r.url))))
        stub = stubs.SeldonStub(channel)
        response = await stub.Predict(ONES, metadata=ACME)
        feedback = pb.Feedback(request=ONES, response=response, reward=0.5)
        answer = await stub.SendFeedback(feedback, metadata=ACME)
    assert answer.strData == "thanks"
    assert (a.paths, b.paths[-1], b.documents[-1]["reward"]) == ([], "/send-feedback", 0.5)


async def test_metadata_of_graph_and_model() -> None:
    said: Any = {"metadata": {"name": "a", "versions": ["1"], "inputs": [{"name": "x"}], "outputs": []}}
    async with units(said) as (machine, (a,)), door_of(machine) as channel:
        deploy(machine, a.url)
        stub = stubs.SeldonStub(channel)
        model = await stub.ModelMetadata(pb.SeldonModelMetadataRequest(name="a"), metadata=ACME)
        graph = await stub.GraphMetadata(Empty(), metadata=ACME)
        unknown = await refusal(stub.ModelMetadata(pb.SeldonModelMetadataRequest(name="b"), metadata=ACME))
    assert (model.name, list(model.versions)) == ("a", ["1"])
    assert (graph.name, graph.models["a"].name, graph.inputs[0].name) == ("main", "a", "x")
    assert unknown[0] is grpc.StatusCode.NOT_FOUND


async def test_unit_over_grpc_that_tells_garbage_of_itself_is_blamed_by_name() -> None:
    async def garbage(body: bytes, context: Any) -> bytes:
        return b"\xff\xff"

    async with units() as (machine, _), grpc_server(garbage) as port, door_of(machine) as channel:
        deploy(machine, f"grpc://127.0.0.1:{port}")
        stub = stubs.SeldonStub(channel)
        calls = (
            stub.ModelMetadata(pb.SeldonModelMetadataRequest(name="a"), metadata=ACME),
            stub.SendFeedback(pb.Feedback(response=ONES), metadata=ACME),
            stub.Predict(ONES, metadata=ACME),
        )
        found = [await refusal(call) for call in calls]
    assert {code for code, _ in found} == {grpc.StatusCode.INTERNAL}
    assert all("Microservice sum/a gave an unusable answer" in words for _, words in found)


@pytest.mark.parametrize("method", ["Predict", "SendFeedback", "ModelMetadata"])
async def test_bytes_that_are_no_message_and_too_many_of_them_are_refused(method: str) -> None:
    async with units({"any": add(1)}) as (machine, (a,)), door_of(machine, 1000) as channel:
        deploy(machine, a.url)
        call = channel.unary_unary(f"/seldon.protos.Seldon/{method}")
        assert (await refusal(call(b"\xff\xff", metadata=ACME)))[0] is grpc.StatusCode.INVALID_ARGUMENT
        large = await refusal(call(b"\x2a" + b"\x7f" * 1001, metadata=ACME))
        assert large[0] is grpc.StatusCode.RESOURCE_EXHAUSTED


async def test_door_tells_its_health_and_refuses_other_services() -> None:
    async with units() as (machine, _), door_of(machine) as channel:
        asked = health_pb2.HealthCheckRequest(service="seldon.protos.Seldon")
        found = await health_pb2_grpc.HealthStub(channel).Check(asked)
        other = await refusal(stubs.ModelStub(channel).Predict(ONES, metadata=ACME))
    assert found.status == health_pb2.HealthCheckResponse.SERVING
    assert other[0] is grpc.StatusCode.UNIMPLEMENTED


async def test_address_that_cannot_be_had_is_told() -> None:
    part = GrpcPart(GrpcMethods([], TokenDoor()), "127.0.0.1:notaport", 1000)
    assert part.problem() is not None
    with pytest.raises(UnavailableError, match="cannot listen for gRPC at"):
        await part.start()


async def test_call_that_the_caller_gives_up_frees_its_place() -> None:
    async def never(body: bytes, context: Any) -> bytes:
        await asyncio.sleep(60)
        return b""

    async with units() as (machine, _), grpc_server(never) as port, door_of(machine) as channel:
        deploy(machine, f"grpc://127.0.0.1:{port}")
        found = await refusal(stubs.SeldonStub(channel).Predict(ONES, metadata=ACME, timeout=0.1))
        assert found[0] is grpc.StatusCode.DEADLINE_EXCEEDED
        async with asyncio.timeout(30):
            while machine.gateway.limit_of("acme").held:
                await asyncio.sleep(0.01)


async def test_unit_that_dies_in_the_middle_of_a_call_is_not_available_whatever_it_speaks() -> None:
    has_come = asyncio.Event()

    async def never(body: bytes, context: Any) -> bytes:
        has_come.set()
        await asyncio.sleep(60)
        return b""

    async with units() as (machine, _), serving_one(cut_before) as dying, door_of(machine) as channel:
        deploy(machine, dying.origin)
        over_http = await refusal(stubs.SeldonStub(channel).Predict(ONES, metadata=ACME))
        server = aio.server(handlers=[EveryMethod(never)])
        deploy(machine, f"grpc://127.0.0.1:{server.add_insecure_port('127.0.0.1:0')}")
        await server.start()
        call = stubs.SeldonStub(channel).Predict(ONES, metadata=ACME)
        await has_come.wait()
        await server.stop(0)
        over_grpc = await refusal(call)
    words = "Microservice sum/a closed the connection before its answer was complete."
    assert over_http == over_grpc == (grpc.StatusCode.UNAVAILABLE, words)


async def test_answer_of_a_microservice_that_protobuf_cannot_say_is_its_fault() -> None:
    answer = {"data": {"names": ["a"], "tensor": {"shape": [1, 1], "values": [None]}}}
    async with serving_one(answering(answer)) as model, units() as (machine, _):
        machine.register("acme", spec(model.origin))
        async with door_of(machine) as channel:
            call = stubs.SeldonStub(channel).Predict(ONES, metadata=(*ACME, ("seldon", "iris")))
            code, words = await refusal(call)
    assert code is grpc.StatusCode.INTERNAL
    assert words.startswith("Microservice iris ")
