"""A span per call of a hook, with OpenTelemetry when the setting says so; else nothing is imported."""

from __future__ import annotations

import re
from collections.abc import Callable, Coroutine, Iterable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any, Protocol

from microservice.errors import StartError
from microservice.failures import describe_failure
from microservice.settings import Settings

UBER = "uber-trace-id"
UBER_FORM = re.compile(r"([0-9a-f]{1,32}):([0-9a-f]{1,16}):[0-9a-f]{1,16}:([0-9a-f]{1,2})", re.IGNORECASE)
INSTALL = "--tracing needs OpenTelemetry: pip install 'seldon-microservice[tracing]'"
Ask = Callable[..., Coroutine[Any, Any, Any]]
Headers = Callable[[], Iterable[tuple[Any, Any]]]


class Tracer(Protocol):
    """What the doors need to know of tracing."""

    def wrap(self, name: str, headers: Headers, ask: Ask) -> Ask:
        """Return the question, asked within a span that continues the trace of the caller's headers."""

    def end(self) -> None:
        """Send what was not sent yet."""


class NoTracer:
    """Traces nothing."""

    def wrap(self, name: str, headers: Headers, ask: Ask) -> Ask:
        """Return the question itself."""
        return ask

    def end(self) -> None:
        """Nothing was kept."""


class OtelTracer:
    """Makes OpenTelemetry spans; a hook's own spans and calls belong to them."""

    def __init__(self, settings: Settings, exporter: Any = None) -> None:
        """Begin tracing; raises StartError when the packages are not installed."""
        try:
            from opentelemetry import propagate, trace  # noqa: PLC0415 - only with the setting
            from opentelemetry.sdk.resources import Resource  # noqa: PLC0415
            from opentelemetry.sdk.trace import TracerProvider  # noqa: PLC0415
            from opentelemetry.sdk.trace.export import BatchSpanProcessor  # noqa: PLC0415

            from microservice.uber_trace import make_propagator  # noqa: PLC0415
        except ModuleNotFoundError as error:
            raise StartError(f"{INSTALL} ({error})") from error
        told = settings.tracing
        names = {"service.name": told.service_name or settings.model_name, **told.tags}
        self._provider = TracerProvider(
            resource=Resource.create(names), sampler=make_sampler(told.sampled_share)
        )
        self._provider.add_span_processor(BatchSpanProcessor(exporter or make_exporter(told.endpoint)))
        # Author's code finds the provider and the propagator where OpenTelemetry keeps them.
        trace.set_tracer_provider(self._provider)
        propagate.set_global_textmap(make_propagator())
        self._tracer = self._provider.get_tracer("seldon-microservice")
        self._extract, self._trace = propagate.extract, trace

    def wrap(self, name: str, headers: Headers, ask: Ask) -> Ask:
        """Return the question, asked within a span that continues the trace of the caller's headers."""

        async def traced(*arguments: Any) -> Any:
            with self._span(name, headers):
                return await ask(*arguments)

        return traced

    def end(self) -> None:
        """Send what was not sent yet."""
        self._provider.shutdown()

    @contextmanager
    def _span(self, name: str, headers: Headers) -> Iterator[None]:
        kind, status = self._trace.SpanKind.SERVER, self._trace.Status
        context = self._extract({to_text(key): to_text(value) for key, value in headers()})
        # The caller's fault is not this service's, so what is refused with 4xx is no error of the span.
        with self._tracer.start_as_current_span(
            name, context, kind, record_exception=False, set_status_on_exception=False
        ) as span:
            try:
                yield
            except BaseException as error:
                code, text, _ = describe_failure(error)
                span.set_attribute("http.response.status_code", code)
                if code >= 500:
                    span.record_exception(error)
                    span.set_status(status(self._trace.StatusCode.ERROR, text))
                raise


def make_tracer(settings: Settings) -> Tracer:
    """Return the tracer that the settings ask for."""
    return OtelTracer(settings) if settings.tracing.is_on else NoTracer()


def make_exporter(endpoint: str) -> Any:
    """Return the exporter over OTLP and HTTP; without an endpoint OpenTelemetry's own variables say where."""
    from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter  # noqa: PLC0415

    return OTLPSpanExporter(endpoint=f"{endpoint}/v1/traces") if endpoint else OTLPSpanExporter()


def make_sampler(share: float | None) -> Any:
    """Return the sampler for traces that begin here; without a share OpenTelemetry's variables decide."""
    from opentelemetry.sdk.trace.sampling import ParentBasedTraceIdRatio  # noqa: PLC0415

    return None if share is None else ParentBasedTraceIdRatio(share)


def to_text(value: str | bytes) -> str:
    """Return a header's name or value as text."""
    return value.decode("latin-1") if isinstance(value, bytes) else value


def read_tags(text: str) -> dict[str, str]:
    """Return the tags of `k=v,k=v`."""
    pairs = (part.partition("=") for part in text.split(",") if "=" in part)
    return {key.strip(): value.strip() for key, _, value in pairs}


def read_share(environment: Mapping[str, str]) -> float | None:
    """Return which share of traces Jaeger's variables ask for, None when they say nothing."""
    kind, value = environment.get("JAEGER_SAMPLER_TYPE", ""), environment.get("JAEGER_SAMPLER_PARAM", "1")
    if kind not in ("const", "probabilistic"):
        return None
    try:
        return min(1.0, max(0.0, float(value)))
    except ValueError as error:
        raise StartError(f"JAEGER_SAMPLER_PARAM is {value!r}; it must be a number from 0 to 1") from error
