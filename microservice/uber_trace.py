"""Jaeger's header `uber-trace-id`: read where W3C's `traceparent` is missing, and written beside it."""

from __future__ import annotations

from typing import Any

from opentelemetry import trace
from opentelemetry.baggage.propagation import W3CBaggagePropagator
from opentelemetry.context import Context
from opentelemetry.propagators.composite import CompositePropagator
from opentelemetry.propagators.textmap import (
    CarrierT,
    Getter,
    Setter,
    TextMapPropagator,
    default_getter,
    default_setter,
)
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

from microservice.tracing import UBER, UBER_FORM


class UberPropagator(TextMapPropagator):
    """Reads and writes `{trace id}:{span id}:{parent id}:{flags}` in hexadecimal digits."""

    def extract(
        self, carrier: CarrierT, context: Context | None = None, getter: Getter[CarrierT] = default_getter
    ) -> Context:
        """Return the context with the trace of a header; unchanged when there is none that can be read."""
        found = getter.get(carrier, UBER)
        parts = UBER_FORM.fullmatch(found[0]) if found else None
        if parts is None or trace.get_current_span(context).get_span_context().is_valid:
            return context or Context()
        flags = trace.TraceFlags(int(parts[3], 16) & 1)
        remote = trace.SpanContext(int(parts[1], 16), int(parts[2], 16), is_remote=True, trace_flags=flags)
        return trace.set_span_in_context(trace.NonRecordingSpan(remote), context)

    def inject(
        self, carrier: CarrierT, context: Context | None = None, setter: Setter[CarrierT] = default_setter
    ) -> None:
        """Write the current span's header, if there is a span."""
        current = trace.get_current_span(context).get_span_context()
        if current.is_valid:
            text = f"{current.trace_id:032x}:{current.span_id:016x}:0:{int(current.trace_flags):x}"
            setter.set(carrier, UBER, text)

    @property
    def fields(self) -> set[str]:
        """Return the headers that are written."""
        return {UBER}


def make_propagator() -> Any:
    """Return what reads and writes all three: W3C's two headers and Jaeger's."""
    return CompositePropagator([TraceContextTextMapPropagator(), W3CBaggagePropagator(), UberPropagator()])
