"""One creation is one trace from the request to the append; the bus and the consumers link to it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import nats
from nats.js.api import AckPolicy, ConsumerConfig
from opentelemetry.trace import SpanKind

from contracts.subjects import HEADER_ORIGIN, HEADER_TRACEPARENT
from extrato import tracing
from extrato.domain.payment.identifiers import stream_id
from extrato.open_telemetry import OpenTelemetry, traceparent_of
from extrato.store.event_log import EventLog
from tests.integration.tracing.conftest import SLUG, context_of, running_hub
from tests.pace import until

if TYPE_CHECKING:
    from nats.aio.msg import Msg

CLIENTS_TRACE = "4bf92f3577b34da6a3ce929d0e0e4736"
CLIENTS = f"00-{CLIENTS_TRACE}-00f067881902b735-01"
CREATE = "POST /payments/api/generate-link/"
APPEND = "append PAYMENTS"


async def messages_of(hub, payment_id: int) -> list[Msg]:
    """The messages about all events of a payment, read by a separate NATS client."""
    events = await EventLog(hub.pool).read_stream(stream_id(payment_id))
    async with await nats.connect(hub.nats.url) as client:
        config = ConsumerConfig(ack_policy=AckPolicy.NONE, inactive_threshold=60)
        subject = f"payments.{SLUG}.{payment_id}.>"
        subscription = await client.jetstream().pull_subscribe(subject, stream="PAYMENTS", config=config)
        messages = []
        while len(messages) < len(events):
            messages += await subscription.fetch(1, timeout=10)
        return messages


async def create_untraced(hub) -> None:
    """Create a payment, and check that neither its events nor its messages have a trace."""
    link = await hub.create_link(traceparent=CLIENTS)
    messages = await messages_of(hub, link["payment_id"])
    assert messages
    assert not [message for message in messages if {HEADER_ORIGIN, HEADER_TRACEPARENT} & message.headers.keys()]
    query = "SELECT convert_from(state, 'UTF8') FROM stored_events WHERE originator_id = $1"
    states = await hub.pool.fetch(query, stream_id(link["payment_id"]))
    assert not [state for (state,) in states if "traceparent" in state]


def the(found):
    (one,) = found
    return one


async def test_creation_is_traced_from_the_request_to_the_read_models(home, database_url, nats_server, sandbox, spans):
    async with running_hub(home, database_url, nats_server, sandbox) as hub:
        link = await hub.create_link(traceparent=CLIENTS)
        request = the(spans.named(CREATE))
        appends = [
            span for span in spans.named(APPEND) if span.parent and span.parent.span_id == request.context.span_id
        ]
        sent = [await spans.wait_for("send PAYMENTS", linked_to=append) for append in appends]
        applied = [await spans.wait_for("process PAYMENTS", linked_to=append) for append in appends]
        messages = await messages_of(hub, link["payment_id"])

    # The request: a trace of the hub, with a link to the client's.
    assert request.parent is None
    assert f"{request.context.trace_id:032x}" != CLIENTS_TRACE
    assert [traceparent_of(each.context) for each in request.links] == [CLIENTS]
    assert request.kind is SpanKind.SERVER
    assert request.attributes["http.response.status_code"] == 200
    # Below it: the appends, each written by one statement, and the request to the provider.
    trace = [span for span in spans.all() if span.context.trace_id == request.context.trace_id]
    parents = {(span.name, span.parent and span.parent.span_id) for span in trace}
    assert {("POST /checkout/preferences", request.context.span_id)} <= parents
    assert {("SELECT append_events", append.context.span_id) for append in appends} <= parents
    asked = the(span for span in trace if span.name == "POST /checkout/preferences")
    assert asked.kind is SpanKind.CLIENT
    assert asked.attributes["http.response.status_code"] == 201
    # Every event names its append, and the message the relay's span.
    assert {message.headers[HEADER_ORIGIN] for message in messages} == {context_of(append) for append in appends}
    assert {message.headers[HEADER_TRACEPARENT] for message in messages} == {context_of(span) for span in sent}
    for span in (*sent, *applied):
        assert span.parent is None
        assert span.context.trace_id != request.context.trace_id
    assert {span.attributes["messaging.consumer.group.name"] for span in applied} == {"projections-read-models"}
    # No personal data, and no secrets.
    written = "\n".join(span.to_json() for span in spans.all())
    assert "maria@example.com" not in written
    assert hub.api_key not in written
    assert "APP_USR" not in written


async def test_webhook_and_sweep_are_traces_with_their_calls(home, database_url, nats_server, sandbox, spans):
    async with running_hub(home, database_url, nats_server, sandbox) as hub:
        await hub.create_link()
        await hub.send_webhook("123456")
        request = the(span for span in spans.all() if span.name.startswith("POST /webhooks/mercadopago/"))
        processed = await spans.wait_for("process webhook", linked_to=request)

        async def has_swept() -> bool:
            return bool(spans.named("monitor fast"))

        await until(has_swept, "a sweep of the account")
        children = {(span.name, span.parent.span_id) for span in spans.all() if span.parent}
    assert ("GET /v1/payments/{id}", processed.context.span_id) in children
    sweeps = spans.named("monitor fast")
    assert {("GET /v1/payments/search", sweep.context.span_id) for sweep in sweeps} & children
    assert not [span for span in (processed, *sweeps) if span.parent]


async def test_client_decides_nothing(home, database_url, nats_server, sandbox, spans, monkeypatch):
    async with running_hub(home, database_url, nats_server, sandbox) as hub:
        # A client without a key, and invalid contexts.
        async with hub.session.get(f"{hub.url}/payments/api/check/1/", headers={"traceparent": CLIENTS}) as response:
            assert response.status == 401
        for invalid in (f"00-{'0' * 32}-00f067881902b735-01", f"ff{CLIENTS[2:]}", "x" * 4000, f"{CLIENTS}\t{CLIENTS}"):
            await hub.create_link(traceparent=invalid)
        received = [span for span in spans.all() if span.kind is SpanKind.SERVER]
        assert len(received) == 5
        assert not [span for span in received if span.links or span.parent]
        assert not [span for span in spans.all() if CLIENTS_TRACE in span.to_json()]
        # A sampler that records nothing, and a client that asks for a recording.
        requests = spans.named(CREATE)
        monkeypatch.setenv("OTEL_TRACES_SAMPLER", "always_off")
        unsampled = OpenTelemetry("extrato-tests", exporter=spans.exporter)
        monkeypatch.setattr(tracing, "_tracer", unsampled)
        await create_untraced(hub)
        unsampled.shut_down(within_s=5)
        # Traces off.
        monkeypatch.setattr(tracing, "_tracer", None)
        await create_untraced(hub)
    assert spans.named(CREATE) == requests
