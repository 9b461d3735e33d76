"""Traces are off by default. A span has a bounded number of valid links, and no words that may hold input."""

from __future__ import annotations

import json
import sys

import pytest
import structlog
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.trace import StatusCode

from extrato import tracing
from extrato.errors import ProviderUnavailable
from extrato.open_telemetry import OpenTelemetry, context_of
from extrato.providers.call_spans import call_span
from extrato.settings import Settings
from extrato.spans import NO_SPAN
from extrato.store.codec import StoredState, to_state
from tests.integration.store.examples import new_event

VALID = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067881902b735-01"


@pytest.fixture
def spans(monkeypatch):
    exporter = InMemorySpanExporter()
    tracer = OpenTelemetry("extrato-tests", exporter=exporter)
    monkeypatch.setattr(tracing, "_tracer", tracer)
    yield lambda: tracer._provider.force_flush() and exporter.get_finished_spans()
    tracer.shut_down(within_s=5)


def test_traces_are_off_by_default():
    assert Settings.from_environment({}).traces == "off"
    assert not tracing.is_on()
    assert tracing.span("x") is tracing.root_span("x") is tracing.shared_span("x", "client", [VALID]) is NO_SPAN
    assert tracing.following_span("x", "consumer", [VALID]) is NO_SPAN
    assert tracing.current_traceparent() == ""


def test_event_without_a_trace_has_no_field_for_it():
    new = new_event()
    state = json.loads(to_state(new))
    assert set(StoredState.__struct_fields__) - set(state) == {"traceparent"}


def test_missing_packages_are_named(monkeypatch):
    monkeypatch.setitem(sys.modules, "opentelemetry", None)
    monkeypatch.delitem(sys.modules, "extrato.open_telemetry")
    with pytest.raises(tracing.CannotTrace, match=r"EXTRATO_TRACES=otlp needs .* requirements/telemetry.txt"):
        tracing.start("extrato-gateway")
    assert not tracing.is_on()


def test_error_is_recorded_without_its_words(spans):
    with pytest.raises(ValueError, match="maria"), tracing.span("a step"):
        raise ValueError("maria@example.com")
    with pytest.raises(ProviderUnavailable), tracing.span("a call", "client"):
        raise ProviderUnavailable("/v1/payments/1", why="silent", failure="TimeoutError")
    assert [span.attributes["error.type"] for span in spans()] == ["ValueError", "provider_unavailable"]
    assert {span.status.status_code for span in spans()} == {StatusCode.ERROR}
    assert "maria" not in "".join(span.to_json() for span in spans())


def test_page_has_one_span_with_a_bounded_number_of_links(spans):
    origins = [f"00-{number:032x}-{number:016x}-01" for number in range(1, 100)]
    with tracing.following_span("process PAYMENTS", "consumer", [*origins, *origins]):
        pass
    with tracing.following_span("process PAYMENTS", "consumer", ["", ""]):
        pass
    (span,) = spans()
    assert len(span.links) == tracing.MAX_LINKS


@pytest.mark.parametrize(
    "text", ["", "x", VALID[:-1], VALID.replace("00-", "ff-", 1), f"00-{'0' * 32}-00f067881902b735-01", f"{VALID}-more"]
)
def test_invalid_context_is_no_link(spans, text):
    assert not context_of(text).is_valid
    with tracing.root_span("a request", "server") as span:
        span.link(text)
        span.link(VALID)
    assert len(spans()[0].links) == 1


def test_linked_trace_is_recorded_whatever_the_sampler_says(monkeypatch):
    monkeypatch.setenv("OTEL_TRACES_SAMPLER", "parentbased_traceidratio")
    monkeypatch.setenv("OTEL_TRACES_SAMPLER_ARG", "0")
    tracer = OpenTelemetry("extrato-tests", exporter=InMemorySpanExporter())
    assert tracer.root_span("a request", "server", []).traceparent == ""
    assert tracer.root_span("send PAYMENTS", "producer", [VALID]).traceparent
    tracer.shut_down(within_s=5)


@pytest.mark.parametrize(
    ("path", "template"),
    [
        ("/v1/payments/123456", "/v1/payments/{id}"),
        ("/v1/payments/search", "/v1/payments/search"),
        ("/v1/payments/123456/refunds", "/v1/payments/{id}/refunds"),
        ("/v1/orders/ORD01HRYFWNYRE1MR1E60MW3X0T2P/cancel", "/v1/orders/{id}/cancel"),
        ("/checkout/preferences/174087000-0f3a-4c", "/checkout/preferences/{id}"),
    ],
)
def test_call_is_named_by_its_template(spans, path, template):
    with call_span("GET", "https://user:secret@api.example.com", path, attempt=2):
        pass
    (span,) = spans()
    assert span.name == f"GET {template}"
    assert span.attributes["url.full"] == f"https://api.example.com{path}"
    assert span.attributes["http.request.resend_count"] == 1


def test_lines_of_the_log_have_the_ids_of_a_recorded_span(spans):
    assert tracing.add_trace_ids(None, "info", {"event": "x"}) == {"event": "x"}
    with tracing.root_span("a request", "server") as span:
        fields = tracing.add_trace_ids(structlog.get_logger(), "info", {"event": "x"})
    assert span.traceparent.split("-")[1:3] == [fields["trace_id"], fields["span_id"]]
