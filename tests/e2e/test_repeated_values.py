"""Repeated headers and parameters are rejected, and record nothing."""

from __future__ import annotations

import gzip
import json
import time
from uuid import uuid4

import pytest

from services.sandbox.webhooks.signature import signature_header
from tests.running_hub import MERCHANT, WEBHOOK_SECRET

BODY = b'{"value": 1}'
PACKED = gzip.compress(BODY, mtime=0)
CHUNKED = b"c\r\n" + BODY + b"\r\n0\r\n\r\n"
WEBHOOK = f"/webhooks/mercadopago/{MERCHANT}/"
LEFT = """
    SELECT topic FROM stored_events WHERE convert_from(state, 'UTF8')::json -> 'cause' ->> 'correlation_id' = $1
    UNION ALL SELECT kind FROM webhook_deliveries WHERE correlation_id = $1
"""


@pytest.fixture(autouse=True)
async def records_nothing(hub):
    """Check that no request of the test records an event or a delivery."""
    name = uuid4().hex
    hub.session.headers["X-Correlation-Id"] = name
    yield
    assert await hub.rows(LEFT, name) == []


def key_of(hub):
    return ("Authorization", hub.headers["Authorization"])


async def refused(hub, method, path, *headers, **more):
    status, answer = await hub.raw(method, path, *headers, **more)
    return status, json.loads(answer)["code"]


# --- bodies ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("path", ["/payments/pix", "/payments/api/1/refund/", WEBHOOK + "?type=payment&data.id=1"])
@pytest.mark.parametrize(
    "encodings",
    [
        ("identity", "gzip"),
        ("gzip", "identity"),
        ("identity", "identity", "GZIP"),
        ("identity, gzip",),
        ("gzip, identity",),
        ("deflate",),
        ("",),
        ("identity", ""),
    ],
)
async def test_every_content_encoding_header_counts(hub, path, encodings):
    headers = [("Content-Encoding", encoding) for encoding in encodings]
    for body in (PACKED, PACKED[:10], b""):
        assert await refused(
            hub, "POST", path, key_of(hub), ("Content-Type", "application/json"), *headers, body=body
        ) == (
            415,
            "unsupported_media_type",
        )


@pytest.mark.parametrize("transfer", ["gzip, chunked", "GZIP,chunked", "deflate, gzip, chunked", "identity, chunked"])
async def test_compressed_transfer_encoding_is_rejected(hub, transfer):
    headers = [key_of(hub), ("Content-Type", "application/json"), ("Transfer-Encoding", transfer)]
    status, code = await refused(hub, "POST", "/payments/pix", *headers, body=CHUNKED, sized=False)
    assert (status, code) == (415, "unsupported_media_type")


@pytest.mark.parametrize(
    "headers",
    [
        [("Transfer-Encoding", "gzip"), ("Transfer-Encoding", "chunked")],
        [("Transfer-Encoding", "chunked"), ("Transfer-Encoding", "chunked")],
        [("Transfer-Encoding", "chunked"), ("Transfer-Encoding", "identity")],
        [("Transfer-Encoding", "chunked, identity")],
        [("Transfer-Encoding", "gzip")],
        [("Transfer-Encoding", "chunked"), ("Content-Length", "12")],
        [("Content-Length", "12"), ("Content-Length", "12")],
        [("Content-Length", "12"), ("Content-Length", "2")],
        [("Content-Length", "12, 12")],
        [("Content-Type", "text/plain"), ("Content-Length", "12")],
        [("Host", "localhost"), ("Content-Length", "12")],
    ],
)
async def test_ambiguous_body_length_or_type_is_rejected(hub, headers):
    given = [key_of(hub), ("Content-Type", "application/json"), *headers]
    for body in (BODY, CHUNKED):
        status, _ = await hub.raw("POST", "/payments/pix", *given, body=body, sized=False)
        assert status == 400


async def test_two_types_in_one_header_are_rejected(hub):
    headers = (key_of(hub), ("Content-Type", "application/json, text/plain"))
    assert await refused(hub, "POST", "/payments/pix", *headers, body=BODY) == (415, "unsupported_media_type")


# --- headers and parameters -----------------------------------------------------------------------


@pytest.mark.parametrize("second", [None, "Bearer nonsense", "Basic eDp5", ""])
async def test_two_authorizations_are_rejected_in_any_order(hub, second):
    keys = [key_of(hub), ("authorization", second if second is not None else hub.headers["Authorization"])]
    created = [("Content-Type", "application/json")]
    for given in (keys, keys[::-1]):
        assert await refused(hub, "POST", "/payments/pix", *given, *created, body=BODY) == (400, "repeated_value")
        assert await refused(hub, "GET", "/ws?payment_id=1", *given, body=b"") == (400, "repeated_value")


ORDER = {"padaria_slug": MERCHANT, "items": [{"nome": "Pão Francês", "quantidade": 1}]}


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("/payments/pix", {"value": 1}),
        ("/payments/api/generate-link/", ORDER),
        ("/payments/api/cart/", {**ORDER, "customer": {"email": "a@b.example"}}),
    ],
)
async def test_two_idempotency_keys_are_rejected(hub, path, body):
    keys = [("Idempotency-Key", "a"), ("Idempotency-Key", "b")]
    given = (key_of(hub), ("Content-Type", "application/json"), *keys)
    status, answer = await hub.raw("POST", path, *given, body=json.dumps(body).encode())
    assert (status, json.loads(answer)["code"]) == (400, "repeated_value")
    assert b"Idempotency-Key" in answer


@pytest.mark.parametrize(
    "path",
    [
        f"/payments/api/pending/?padaria_slug={MERCHANT}&padaria_slug=another",
        f"/payments/api/pending/?padaria_slug={MERCHANT}&limit=1&limit=1000",
        f"/payments/api/pending/?padaria_slug={MERCHANT}&status=all&stat%75s=pending",
        f"/payments/api/monitors/?padaria_slug={MERCHANT}&padaria_slug={MERCHANT}",
        "/ws?payment_id=1&payment_id=2",
        f"/ws?padaria_slug={MERCHANT}&after=1&after=2",
    ],
)
async def test_repeated_parameter_is_rejected(hub, path):
    assert await refused(hub, "GET", path, key_of(hub), body=b"") == (400, "repeated_value")


@pytest.mark.parametrize("query", ["t=a&t=b", "t=&t="])
async def test_two_tokens_are_rejected(hub, query):
    assert await refused(hub, "GET", f"/payments/api/check/1/?{query}", body=b"") == (400, "repeated_value")


@pytest.mark.parametrize("query", ["sid=a&sid=b", "sid=&sid=b", "EIO=4&EIO=4", "transport=polling&transport=websocket"])
async def test_repeated_socket_io_session_is_rejected(hub, query):
    assert await refused(hub, "GET", f"/socket.io/?EIO=4&{query}", body=b"") == (400, "repeated_value")


async def test_ignored_parameter_may_repeat(hub):
    path = f"/payments/api/pending/?padaria_slug={MERCHANT}&utm_source=a&utm_source=b"
    status, _ = await hub.raw("GET", path, key_of(hub), ("Accept", "a/b"), ("Accept", "c/d"), body=b"")
    assert status == 200


async def test_repeated_correlation_id_is_replaced(hub):
    status, _ = await hub.raw(
        "POST", "/payments/pix", key_of(hub), ("Content-Type", "application/json"), ("X-Correlation-Id", "a"), body=BODY
    )
    assert status == 201


# --- webhooks -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("query", "more"),
    [
        ("type=payment&data.id=12&data.id=13", []),
        ("type=payment&data.id=13&data.id=12", []),
        ("type=payment&data.id=12&data.id=12", []),
        ("type=payment&data.id=12&data%2Eid=13", []),
        ("type=payment&type=order&data.id=12", []),
        ("topic=payment&topic=payment&id=12", []),
        ("topic=payment&id=12&id=13", []),
        ("type=payment&data.id=12", [("X-Signature", "ts=1,v1=" + "0" * 64)]),
        ("type=payment&data.id=12", [("x-signature", "")]),
        ("type=payment&data.id=12", [("X-Request-Id", "another")]),
    ],
)
async def test_webhook_with_repeated_value_is_rejected(hub, query, more):
    request_id = uuid4().hex
    signature = signature_header(secret=WEBHOOK_SECRET, data_id="12", request_id=request_id, ts=str(int(time.time())))
    signed = [("x-signature", signature), ("x-request-id", request_id)]
    for given in ([*signed, *more], [*more, *signed]):
        assert await refused(hub, "POST", f"{WEBHOOK}?{query}", *given) == (400, "repeated_value")
