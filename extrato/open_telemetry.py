"""Spans of OpenTelemetry's SDK, exported by OTLP over HTTP. Only `extrato/tracing.py` imports this module."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Final, Self

from opentelemetry import context as contexts
from opentelemetry import trace
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import OTELResourceDetector, Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor
from opentelemetry.sdk.trace.sampling import Decision, Sampler, SamplingResult
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

from contracts import __version__

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from contextvars import Token
    from types import TracebackType

    from opentelemetry.sdk.trace.export import SpanExporter
    from opentelemetry.util.types import Attributes as SpanAttributes

    from extrato.spans import Attributes, Kind

KINDS: Final = {
    "client": trace.SpanKind.CLIENT,
    "consumer": trace.SpanKind.CONSUMER,
    "internal": trace.SpanKind.INTERNAL,
    "producer": trace.SpanKind.PRODUCER,
    "server": trace.SpanKind.SERVER,
}
# Without a parent, a span begins a trace.
NO_CONTEXT: Final = contexts.Context()

_propagator = TraceContextTextMapPropagator()


class FollowLinks(Sampler):
    """Samples a span with a link to a sampled span; `otherwise` decides about every other span.

    Without it, each trace would decide alone, and a sampled request would seldom be seen on the bus and in a consumer.
    """

    def __init__(self, otherwise: Sampler) -> None:
        self._otherwise = otherwise

    def should_sample(
        self,
        parent_context: contexts.Context | None,
        trace_id: int,
        name: str,
        kind: trace.SpanKind | None = None,
        attributes: SpanAttributes = None,
        links: Sequence[trace.Link] | None = None,
        trace_state: trace.TraceState | None = None,
    ) -> SamplingResult:
        """Decide about a new span."""
        if any(link.context.trace_flags.sampled for link in links or ()):
            return SamplingResult(Decision.RECORD_AND_SAMPLE, attributes)
        return self._otherwise.should_sample(parent_context, trace_id, name, kind, attributes, links, trace_state)

    def get_description(self) -> str:
        """Return the name of the sampler."""
        return f"FollowLinks({self._otherwise.get_description()})"


class OpenTelemetry:
    """Begins spans and exports them, by default by OTLP.

    The SDK reads sampler, limits, queue, endpoint, headers and resource from the variables `OTEL_…`. Its queue is
    bounded: while the collector is unavailable, further spans are dropped.
    """

    def __init__(self, service: str, *, exporter: SpanExporter | None = None) -> None:
        named = Resource.create({"service.name": service, "service.version": __version__})
        self._provider = TracerProvider(resource=named.merge(OTELResourceDetector().detect()), shutdown_on_exit=False)
        self._provider.sampler = FollowLinks(self._provider.sampler)
        self._exporter = exporter or OTLPSpanExporter()
        self._provider.add_span_processor(BatchSpanProcessor(self._exporter))
        self._tracer = self._provider.get_tracer("extrato", __version__)

    def span(self, name: str, kind: Kind) -> RecordedSpan:
        """Begin a child of the present span."""
        return RecordedSpan(self._tracer.start_span(name, kind=KINDS[kind]))

    def root_span(self, name: str, kind: Kind, links: Iterable[str]) -> RecordedSpan:
        """Begin a trace."""
        return RecordedSpan(self._tracer.start_span(name, NO_CONTEXT, KINDS[kind], links=_links(links)))

    def child_of(self, parent: str, name: str, kind: Kind, links: Iterable[str]) -> RecordedSpan:
        """Begin a child of another span."""
        above = trace.set_span_in_context(trace.NonRecordingSpan(context_of(parent)), NO_CONTEXT)
        return RecordedSpan(self._tracer.start_span(name, above, KINDS[kind], links=_links(links)))

    def current_traceparent(self) -> str:
        """Return the present span; empty if it is not recorded."""
        return traceparent_of(trace.get_current_span().get_span_context())

    def annotate(self, attributes: Attributes) -> None:
        """Set attributes of the present span."""
        trace.get_current_span().set_attributes(attributes)

    def shut_down(self, *, within_s: float) -> None:
        """Export the last spans; after `within_s` they are lost."""
        # The provider waits longer than that for an unavailable collector.
        ending = threading.Thread(target=self._provider.shutdown, name="last-spans", daemon=True)
        ending.start()
        ending.join(within_s)
        if ending.is_alive():
            self._exporter.shutdown()


class RecordedSpan:
    """A span of OpenTelemetry as a context manager, as `extrato.spans.Span` describes it."""

    __slots__ = ("_span", "_token", "traceparent")

    def __init__(self, span: trace.Span) -> None:
        self._span = span
        self._token: Token[contexts.Context] | None = None
        self.traceparent = traceparent_of(span.get_span_context())

    def set(self, attributes: Attributes) -> None:
        """Set attributes."""
        self._span.set_attributes(attributes)

    def fail(self, error_type: str) -> None:
        """Mark the span as an error."""
        self._span.set_attribute("error.type", error_type)
        self._span.set_status(trace.StatusCode.ERROR)

    def link(self, traceparent: str) -> None:
        """Link the span to another trace, if `traceparent` is valid."""
        context = context_of(traceparent)
        if context.is_valid:
            self._span.add_link(context)

    def __enter__(self) -> Self:
        self._token = contexts.attach(trace.set_span_in_context(self._span))
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        if error is not None:
            code = getattr(error, "code", None)
            self.fail(code if isinstance(code, str) else type(error).__name__)
        if self._token is not None:
            contexts.detach(self._token)
        self._span.end()


def traceparent_of(context: trace.SpanContext) -> str:
    """Write a sampled span in the form of W3C Trace Context; empty for any other span."""
    if not context.trace_flags.sampled:
        return ""
    return f"00-{context.trace_id:032x}-{context.span_id:016x}-{context.trace_flags:02x}"


def context_of(traceparent: str) -> trace.SpanContext:
    """Read a `traceparent`; the result is invalid for one that does not follow W3C Trace Context."""
    return trace.get_current_span(_propagator.extract({"traceparent": traceparent})).get_span_context()


def _links(traceparents: Iterable[str]) -> list[trace.Link]:
    contexts_ = map(context_of, traceparents)
    return [trace.Link(context) for context in contexts_ if context.is_valid]
