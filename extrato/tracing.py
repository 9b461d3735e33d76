"""Spans for traces of OpenTelemetry, which are off until `start`.

A span of this module is a context manager. While traces are off, all of them are one object without effect, and
OpenTelemetry is not imported. The first span of a trace decides whether the trace is recorded. `traceparent` names a
recorded span in the form of W3C Trace Context, and is empty for any other span.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from contracts.subjects import PAYMENTS_STREAM
from extrato.spans import NO_SPAN

if TYPE_CHECKING:
    from collections.abc import Iterable, MutableMapping

    from extrato.open_telemetry import OpenTelemetry
    from extrato.spans import Attributes, Kind, Span

MAX_LINKS: Final = 32


class CannotTrace(Exception):
    """Traces cannot be turned on; the message is one sentence for the operator."""


_tracer: OpenTelemetry | None = None


def start(service: str) -> None:
    """Record spans from here on, and export them by OTLP as the variables `OTEL_…` say; raises `CannotTrace`."""
    global _tracer  # noqa: PLW0603 - as for the logs, the state belongs to the process
    try:
        from extrato.open_telemetry import OpenTelemetry  # noqa: PLC0415 - it may not be installed
    except ModuleNotFoundError as error:
        if not (error.name or "").startswith("opentelemetry"):
            raise
        needed = "needs the packages of requirements/telemetry.txt, and they are not installed"
        raise CannotTrace(f"EXTRATO_TRACES=otlp {needed}.") from error
    _tracer = OpenTelemetry(service)


def stop(*, within_s: float) -> None:
    """Turn traces off, and export the last spans for `within_s` at most. It blocks."""
    global _tracer
    tracer, _tracer = _tracer, None
    if tracer is not None:
        tracer.shut_down(within_s=within_s)


def is_on() -> bool:
    """Return whether traces are on."""
    return _tracer is not None


def span(name: str, kind: Kind = "internal") -> Span:
    """Begin a step of the present trace; without one, begin a trace."""
    return NO_SPAN if _tracer is None else _tracer.span(name, kind)


def root_span(name: str, kind: Kind = "internal", *, links: Iterable[str] = ()) -> Span:
    """Begin a trace. It is recorded if one of the linked traces is."""
    return NO_SPAN if _tracer is None else _tracer.root_span(name, kind, _distinct(links))


def following_span(name: str, kind: Kind, origins: Iterable[str], *, also: Iterable[str] = ()) -> Span:
    """Begin a trace with links to recorded origins, and to `also`; without an origin, nothing is recorded."""
    if _tracer is None:
        return NO_SPAN
    links = _distinct(origins)
    return _tracer.root_span(name, kind, _distinct((*links, *also))) if links else NO_SPAN


def shared_span(name: str, kind: Kind, owners: Iterable[str]) -> Span:
    """Begin a step of several traces: of the first one, with links to the others; without any, nothing is recorded."""
    if _tracer is None:
        return NO_SPAN
    found = _distinct(owners)
    return _tracer.child_of(found[0], name, kind, found[1:]) if found else NO_SPAN


def current_traceparent() -> str:
    """Return the present span; empty if nothing is recorded."""
    return "" if _tracer is None else _tracer.current_traceparent()


def annotate(attributes: Attributes) -> None:
    """Set attributes of the present span."""
    if _tracer is not None:
        _tracer.annotate(attributes)


def messaging(operation: str, *, type_: str, messages: int) -> dict[str, str | int]:
    """Return the attributes of an operation on the stream of payments, by the conventions for messaging."""
    return {
        "messaging.system": "nats",
        "messaging.operation.name": operation,
        "messaging.operation.type": type_,
        "messaging.destination.name": PAYMENTS_STREAM,
        "messaging.batch.message_count": messages,
    }


def add_trace_ids(_logger: object, _method: str, fields: MutableMapping[str, object]) -> MutableMapping[str, object]:
    """Add the ids of the present span to a line of the log."""
    if _tracer is not None and (traceparent := _tracer.current_traceparent()):
        _, fields["trace_id"], fields["span_id"], _ = traceparent.split("-")
    return fields


def _distinct(traceparents: Iterable[str]) -> list[str]:
    return list(dict.fromkeys(filter(None, traceparents)))[:MAX_LINKS]
