"""Spans of calls: whose trace they continue, what they say, where they go."""

from __future__ import annotations

import asyncio
import http.server
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from opentelemetry import propagate, trace
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from microservice.errors import StartError
from microservice.protocol import prediction_pb2, prediction_pb2_grpc
from microservice.settings import Settings, Tracing
from microservice.tracing import NoTracer, OtelTracer, make_tracer, read_share, read_tags
from microservice.worker import end_tracing
from tests.microservice.inside import Inside, make_inside
from tests.microservice.models import TEXT_MODEL
from tests.microservice.running import Served, end, read_line, start, wait_until, write_class

TRACE, SPAN = "4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7"
stubs: Any = prediction_pb2_grpc
messages: Any = prediction_pb2


class Traced:
    """Says which headers it would send on, or fails."""

    def predict(self, X: Any, names: Any) -> Any:  # noqa: N803
        if X == "boom":
            raise ValueError("boom")
        sent: dict[str, str] = {}
        propagate.inject(sent)
        return sent


class Traces:
    """A tracer that keeps its spans, and an application that uses it."""

    def __init__(self) -> None:
        told = Tracing(is_on=True, service_name="unit", tags={"k": "v"})
        self.kept = InMemorySpanExporter()
        settings = Settings("Model", ".", {}, "model", tracing=told)
        self.tracer = OtelTracer(settings, self.kept)
        self.inside: Inside = make_inside(Traced())
        self.inside.app.tracer = self.tracer

    def spans(self) -> list[Any]:
        self.tracer._provider.force_flush()
        return list(self.kept.get_finished_spans())


@pytest.fixture
async def traces(monkeypatch: pytest.MonkeyPatch) -> Any:
    # OpenTelemetry takes a provider once per process; each test shall have its own.
    monkeypatch.setattr(trace, "set_tracer_provider", lambda provider: None)
    before = propagate.get_global_textmap()
    found = Traces()
    yield found
    found.tracer.end()
    propagate.set_global_textmap(before)


@pytest.mark.parametrize(
    "headers", [{"traceparent": f"00-{TRACE}-{SPAN}-01"}, {"uber_trace_id": f"{TRACE}:{SPAN}:0:1"}]
)
async def test_a_callers_trace_is_continued_and_handed_on(traces: Traces, headers: dict[str, str]) -> None:
    _, answer = await traces.inside.post("/predict", {"strData": "x"}, **headers)
    span = traces.spans()[0]
    assert (span.name, span.kind, span.resource.attributes["service.name"]) == (
        "POST /predict", trace.SpanKind.SERVER, "unit"
    )  # fmt: skip
    assert (f"{span.context.trace_id:032x}", f"{span.parent.span_id:016x}") == (TRACE, SPAN)
    own = f"{span.context.span_id:016x}"
    assert answer["jsonData"]["traceparent"] == f"00-{TRACE}-{own}-01"
    assert answer["jsonData"]["uber-trace-id"] == f"{TRACE}:{own}:0:1"


async def test_a_trace_begins_here_when_the_caller_has_none_or_a_broken_one(traces: Traces) -> None:
    await traces.inside.post("/predict", {"strData": "x"})
    await traces.inside.post("/predict", {"strData": "x"}, uber_trace_id="zz:1")
    first, second = traces.spans()
    assert first.parent is second.parent is None
    assert first.context.trace_id != second.context.trace_id


async def test_what_failed_is_in_the_span_and_a_refusal_is_no_error(traces: Traces) -> None:
    await traces.inside.post("/predict", {"strData": "boom"})
    await traces.inside.post("/predict", {"nothing": 1})
    failed, refused = traces.spans()
    assert (failed.status.status_code, failed.status.description) == (trace.StatusCode.ERROR, "boom")
    assert failed.events[0].attributes["exception.type"] == "ValueError"
    assert refused.status.status_code is trace.StatusCode.UNSET
    assert refused.attributes["http.response.status_code"] == 400


async def test_grpc_calls_have_spans_too(traces: Traces) -> None:
    async with traces.inside.channel() as channel:
        sent = (("traceparent", f"00-{TRACE}-{SPAN}-01"),)
        await stubs.ModelStub(channel).Predict(messages.SeldonMessage(strData="x"), metadata=sent)
    span = traces.spans()[0]
    assert (span.name, f"{span.context.trace_id:032x}") == ("predict", TRACE)


def test_without_the_setting_there_is_no_tracer() -> None:
    assert isinstance(make_tracer(Settings("Model", ".", {}, "model")), NoTracer)


def test_tracing_without_its_packages_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "opentelemetry.sdk.resources", None)
    with pytest.raises(StartError, match=r"pip install 'seldon-microservice\[tracing\]'"):
        make_tracer(Settings("Model", ".", {}, "model", tracing=Tracing(is_on=True)))


def test_jaegers_variables_are_read() -> None:
    assert read_tags("a=1, b = 2,c") == {"a": "1", "b": "2"}
    assert read_share({"JAEGER_SAMPLER_TYPE": "const", "JAEGER_SAMPLER_PARAM": "0"}) == 0.0
    assert read_share({"JAEGER_SAMPLER_TYPE": "probabilistic", "JAEGER_SAMPLER_PARAM": "0.1"}) == 0.1
    assert read_share({}) is None
    with pytest.raises(StartError, match="from 0 to 1"):
        read_share({"JAEGER_SAMPLER_TYPE": "const", "JAEGER_SAMPLER_PARAM": "x"})


@pytest.fixture
def collector() -> Iterator[tuple[int, list[bytes]]]:
    bodies: list[bytes] = []

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            bodies.append(self.rfile.read(int(self.headers["content-length"])))
            self.send_response(200)
            self.end_headers()

        def log_message(self, *arguments: Any) -> None:
            """Say nothing."""

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield server.server_address[1], bodies
        server.shutdown()
        thread.join()


class Lost:
    """A tracer whose collector never answers."""

    def __init__(self) -> None:
        self.may_end = threading.Event()

    def wrap(self, name: str, headers: Any, ask: Any) -> Any:
        return ask

    def end(self) -> None:
        self.may_end.wait(60)


async def test_a_collector_that_is_gone_does_not_keep_a_worker(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("microservice.worker.TRACING_END_SECONDS", 0.05)
    tracer = Lost()
    await asyncio.wait_for(end_tracing(tracer), 10)
    tracer.may_end.set()


@pytest.mark.slow
def test_a_running_microservice_sends_its_spans_over_otlp(
    tmp_path: Path, collector: tuple[int, list[bytes]]
) -> None:
    port, bodies = collector
    write_class(tmp_path, "TextModel", TEXT_MODEL)
    variables = {
        "TRACING": "1", "OTEL_EXPORTER_OTLP_ENDPOINT": f"http://127.0.0.1:{port}",
        "OTEL_BSP_SCHEDULE_DELAY": "50", "OTEL_EXPORTER_OTLP_COMPRESSION": "none",
    }  # fmt: skip
    process = start(tmp_path, "TextModel", "--port", "0", **variables)
    try:
        address = read_line(process).split(" is served at ")[1].split()[0]
        served = Served(process, int(address.rpartition(":")[2]))
        served.post("/predict", {"strData": "x"}, traceparent=f"00-{TRACE}-{SPAN}-01")
        wait_until(lambda: bool(bodies))
    finally:
        end(process)
    sent = ExportTraceServiceRequest.FromString(bodies[0]).resource_spans[0]
    names = {each.key: each.value.string_value for each in sent.resource.attributes}
    span = sent.scope_spans[0].spans[0]
    assert (names["service.name"], span.name, span.trace_id.hex()) == ("TextModel", "POST /predict", TRACE)
