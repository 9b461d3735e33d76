"""Mercado Pago's notifications: their content and their verification."""

from __future__ import annotations

import hashlib
import hmac
from datetime import UTC, datetime, timedelta

import msgspec
import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from mercadopago.webhook import InvalidWebhookSignatureError, WebhookSignatureValidator

from extrato.providers.mercado_pago import webhook as mercado_pago_webhook
from extrato.providers.mercado_pago.webhook import (
    TOLERANCE_S,
    Notification,
    manifest,
    read_notification,
    read_signature,
    verify,
)
from services.sandbox.webhooks.formats import QueuedWebhook, Signing, webhook_request
from tests.compatibility.claim import claim

# The secret, the request and the signatures are those of Mercado Pago's documentation, computed with its SDK.
SECRET = "your_secret_key_here"
REQUEST_ID = "2066ca19-c6f1-498a-be75-1923005edd06"
UPPER, LOWER = "ORD01JQ4S4KY8HWQ6NA5PXB65B3D3", "ord01jq4s4ky8hwq6na5pxb65b3d3"
VECTORS = {
    "upper_case_id_in_milliseconds": (
        UPPER,
        REQUEST_ID,
        "1742505638683",
        "fb15ae6472eb449173c556793205d77787d58f384d183bb5bc3b724c27bd103c",
    ),
    "lower_case_id_in_milliseconds": (
        LOWER,
        REQUEST_ID,
        "1742505638683",
        "633f91233312dd391ec75fa0bea539cfc2d6c4918873305b84a96cc1c58db71c",
    ),
    "payment_in_seconds": (
        "123456789",
        REQUEST_ID,
        "1704908010",
        "2950837c0ba1681e168f193fb68dad2d33a2372e6cf86379ca8eeaa965009294",
    ),
    "another_payment_in_seconds": (
        "999999999",
        REQUEST_ID,
        "1742505638",
        "5888958caa9012653ca8c41ddf2781a1a4fab84dbce8aefb74cc34c661b7b603",
    ),
    "no_id": (
        None,
        REQUEST_ID,
        "1704908010",
        "a2d8b9f2183063522f01ca8d71f1cf68f92eaeeeb2359d29caaf1a7b424f9ee6",
    ),
    "no_request_id": (
        "123456789",
        None,
        "1704908010",
        "8247582720bbf9eae8740afbba1bdc031ae342d7cbf56e13f98a7dfd7b16cf49",
    ),
    "neither": (
        None,
        None,
        "1704908010",
        "a85cce0f61742409b757e34e57c6368d3b9e6057b39550158d77dc7ea037806c",
    ),
}
TS, V1 = VECTORS["payment_in_seconds"][2:]
WHEN = datetime.fromtimestamp(int(TS), UTC)


def signed(data_id: str = "123456789") -> Notification:
    return Notification(kind="payment", resource_id=data_id, account_id=None, is_signed_format=True)


def verdict(
    signature: str | None = f"ts={TS},v1={V1}",
    *,
    data_id: str = "123456789",
    request_id: str | None = REQUEST_ID,
    secret: str = SECRET,
    now: datetime = WHEN,
    notification: Notification | None = None,
) -> str:
    notification = notification or signed(data_id)
    return verify(notification, read_signature(signature, request_id), secret=secret, now=now)


def at(ts: str) -> datetime:
    return datetime.fromtimestamp(int(ts) / 1000 if len(ts) == 13 else int(ts), UTC)


# --- the signature --------------------------------------------------------------------------------


WITH_AN_ID = {name: vector for name, vector in VECTORS.items() if vector[0] is not None}


@pytest.mark.parametrize(("data_id", "request_id", "ts", "v1"), WITH_AN_ID.values(), ids=WITH_AN_ID)
def test_documented_signature_is_verified(data_id, request_id, ts, v1):
    assert verdict(f"ts={ts},v1={v1}", data_id=data_id, request_id=request_id, now=at(ts)) == "verified"


@pytest.mark.parametrize(("data_id", "request_id", "ts", "v1"), VECTORS.values(), ids=VECTORS)
def test_manifest_is_the_signed_text(data_id, request_id, ts, v1):
    text = manifest(data_id=data_id, request_id=request_id, ts=ts)

    assert hmac.new(SECRET.encode(), text.encode(), hashlib.sha256).hexdigest() == v1


def test_manifest_ends_with_a_semicolon_and_omits_missing_parts():
    assert manifest(data_id="1", request_id="r", ts="2") == "id:1;request-id:r;ts:2;"
    assert manifest(data_id=None, request_id="r", ts="2") == "request-id:r;ts:2;"
    assert manifest(data_id="1", request_id=None, ts="2") == "id:1;ts:2;"
    assert manifest(data_id="", request_id="", ts="2") == "ts:2;"


def test_upper_case_id_may_be_signed_in_lower_case():
    _, request_id, ts, v1 = VECTORS["lower_case_id_in_milliseconds"]

    assert verdict(f"ts={ts},v1={v1}", data_id=UPPER, request_id=request_id, now=at(ts)) == "verified"


def test_lower_case_id_never_matches_an_upper_case_signature():
    _, request_id, ts, v1 = VECTORS["upper_case_id_in_milliseconds"]

    assert verdict(f"ts={ts},v1={v1}", data_id=LOWER, request_id=request_id, now=at(ts)) == "mismatched"


@pytest.mark.parametrize(
    "signature",
    [
        f"v1={V1},ts={TS}",
        f" ts = {TS} , v1 = {V1} ",
        f"TS={TS},V1={V1}",
        f"ts={TS},v1={V1},v2={'0' * 64}",
        f"ts={TS},v1={V1},",
        f"ts={TS},v1={V1.upper()}",
    ],
    ids=["any_order", "blanks", "capital_labels", "a_later_version", "a_last_comma", "capital_hash"],
)
def test_signature_parts_may_have_any_order_and_spacing(signature):
    assert verdict(signature) == "verified"


@pytest.mark.parametrize("signature", [None, ""])
def test_delivery_without_a_signature_is_missing(signature):
    assert verdict(signature) == "missing"


@pytest.mark.parametrize(
    "signature",
    [
        "   ",
        "nonsense",
        ",,,",
        f"ts={TS}",
        f"v1={V1}",
        f"ts=,v1={V1}",
        f"ts={TS},v1=",
        f"ts=-{TS},v1={V1}",
        f"ts=1e9,v1={V1}",
        f"ts=٣٣٣,v1={V1}",
        f"ts={'9' * 17},v1={V1}",
        f"ts={TS},v1={V1[:-1]}",
        f"ts={TS},v1={V1}0",
        f"ts={TS},v1={'g' * 64}",
        f"ts={TS},v1={'é' * 64}",
        f"ts={TS},v2={V1}",
        f"ts={TS};v1={V1}",
    ],
)
def test_signature_of_another_form_is_malformed(signature):
    assert verdict(signature) == "malformed"


@pytest.mark.parametrize(
    "changed",
    [
        {"secret": "another"},
        {"secret": ""},
        {"data_id": "123456780"},
        {"data_id": "x"},
        {"request_id": "another"},
        {"request_id": None},
        {"signature": f"ts={int(TS) + 1},v1={V1}"},
        {"signature": f"ts=0{TS},v1={V1}"},
        {"signature": f"ts={TS},v1={'0' * 64}"},
    ],
    ids=lambda changed: next(iter(changed)),
)
def test_signature_of_other_data_is_mismatched(changed):
    assert verdict(**changed) == "mismatched"


@claim("webhook.signature")
@pytest.mark.parametrize("ts", [TS, TS + "000"], ids=["seconds", "milliseconds"])
@pytest.mark.parametrize("direction", [-1, 1], ids=["early", "late"])
def test_delivery_is_verified_for_a_quarter_of_an_hour(ts, direction):
    text = manifest(data_id="123456789", request_id=REQUEST_ID, ts=ts)
    v1 = hmac.new(SECRET.encode(), text.encode(), hashlib.sha256).hexdigest()
    last = WHEN + direction * timedelta(seconds=TOLERANCE_S)

    assert verdict(f"ts={ts},v1={v1}", now=last) == "verified"
    assert verdict(f"ts={ts},v1={v1}", now=last + direction * timedelta(milliseconds=1)) == "outdated"


def test_old_wrong_signature_is_mismatched_not_outdated():
    assert verdict(f"ts={TS},v1={'0' * 64}", now=WHEN + timedelta(days=1)) == "mismatched"


def test_unsigned_formats_are_unverifiable():
    unsigned = Notification(kind="payment", resource_id="1", account_id=None, is_signed_format=False)

    assert verdict(notification=unsigned) == "unverifiable"
    assert verdict(None, notification=unsigned) == "unverifiable"


def test_signatures_are_compared_in_constant_time(monkeypatch):
    compared = []

    def compare(one, other):
        compared.append((one, other))
        return False

    monkeypatch.setattr(mercado_pago_webhook.hmac, "compare_digest", compare)

    # Only the comparison decides, and it always runs for both spellings of an id.
    assert verdict() == "mismatched"
    assert compared == [(V1, V1)]
    verdict(data_id=UPPER)
    assert len(compared) == 3


# --- compared with the official validator ---------------------------------------------------------

VISIBLE = st.text(st.characters(min_codepoint=0x21, max_codepoint=0x7E), min_size=1, max_size=40)
IDS = st.from_regex(r"[a-z0-9_-]{1,64}", fullmatch=True)
TIMES = st.integers(1_500_000_000, 1_900_000_000)


@st.composite
def deliveries(draw):
    """A signed delivery that may be changed afterwards."""
    secret = draw(st.text(st.characters(codec="utf-8"), max_size=80))
    data_id, request_id = draw(IDS), draw(st.none() | VISIBLE)
    ts = str(draw(TIMES))
    parts = (("id", data_id), ("request-id", request_id), ("ts", ts))
    text = "".join(f"{label}:{value};" for label, value in parts if value)
    v1 = hmac.new(secret.encode(), text.encode(), hashlib.sha256).hexdigest()
    bent = draw(st.sampled_from(["nothing"] * 3 + ["secret", "id", "request", "ts", "hash", "order", "header"]))
    header = {"order": f"v1={v1}, ts={ts}", "header": draw(VISIBLE)}.get(bent, f"ts={ts},v1={v1}")
    if bent == "secret":
        secret += "x"
    elif bent == "id":
        data_id = draw(IDS)
    elif bent == "request":
        request_id = draw(st.none() | VISIBLE)
    elif bent == "ts":
        header = f"ts={draw(TIMES)},v1={v1}"
    elif bent == "hash":
        header = f"ts={ts},v1={draw(st.from_regex('[0-9a-f]{64}', fullmatch=True))}"
    return secret, data_id, request_id, header, int(ts)


@given(deliveries(), st.integers(-2 * TOLERANCE_S, 2 * TOLERANCE_S))
@example((SECRET, "123456789", REQUEST_ID, f"ts={TS},v1={V1}", int(TS)), 0)
def test_verification_agrees_with_the_official_validator(delivery, late_s):
    secret, data_id, request_id, header, ts = delivery
    now_s = ts + late_s
    try:
        WebhookSignatureValidator.validate(
            header, request_id, data_id, secret, tolerance_seconds=TOLERANCE_S, now=lambda: now_s * 1000
        )
    except InvalidWebhookSignatureError:
        they_believe = False
    else:
        they_believe = True
    now = datetime.fromtimestamp(now_s, UTC)
    ours = verdict(header, data_id=data_id, request_id=request_id, secret=secret, now=now)

    assert (ours == "verified") == they_believe


# --- compared with the simulated provider ---------------------------------------------------------


@pytest.mark.parametrize(
    ("kind", "data", "verdict"),
    [
        ("webhook", {}, "verified"),
        ("order", {"id": UPPER, "external_reference": "PED-1"}, "verified"),
        ("chargeback", {"id": 7, "payment_id": 12}, "verified"),
        ("feed_payment", {}, "unverifiable"),
        ("feed_merchant_order", {}, "unverifiable"),
    ],
)
@pytest.mark.parametrize("lower_case_ids", [True, False])
def test_every_sandbox_notification_is_read_and_verified(kind, data, verdict, lower_case_ids):
    resource_id = data.get("id", 143845427326)
    webhook = QueuedWebhook(
        webhook_id=1,
        collector_id=174087000,
        url="https://hub.example/webhooks/mercadopago/padaria/",
        format=kind,
        resource_id=resource_id,
        action="updated",
        data=data,
        event_ms=0,
        due_ms=0,
    )
    signing = Signing(secret=SECRET, lower_case_ids=lower_case_ids)
    sent = webhook_request(
        webhook, application_id="1", signing=signing, hook_id=99, sent_ms=int(TS) * 1000, timeout_s=22
    )
    found = read_notification(sent.url.query, msgspec.json.encode(sent.body))

    assert found.resource_id == str(resource_id)
    given = read_signature(sent.headers["X-Signature"], sent.headers["X-Request-Id"])
    assert verify(found, given, secret=SECRET, now=WHEN) == verdict


# --- the content of a notification ----------------------------------------------------------------


def test_webhooks_format_is_read():
    body = (
        b'{"action":"payment.created","api_version":"v1","data":{"id":"143845427326"},'
        b'"date_created":"2026-01-28T16:09:18Z","id":128483944749,"live_mode":true,"type":"payment",'
        b'"user_id":"239610915"}'
    )

    assert read_notification({"data.id": "143845427326", "type": "payment"}, body) == Notification(
        kind="payment", resource_id="143845427326", account_id="239610915", is_signed_format=True
    )


@pytest.mark.parametrize(
    ("query", "body", "resource_id"),
    [
        (
            {"id": "143845679916", "topic": "payment"},
            b'{"resource":"143845679916","topic":"payment"}',
            "143845679916",
        ),
        (
            {"id": "31680808503", "topic": "merchant_order"},
            b'{"resource":"https://api.mercadolibre.com/merchant_orders/31680808503","topic":"merchant_order"}',
            "31680808503",
        ),
    ],
    ids=["payment", "merchant_order"],
)
def test_older_formats_are_read_as_unsigned(query, body, resource_id):
    assert read_notification(query, body) == Notification(
        kind=query["topic"], resource_id=resource_id, account_id=None, is_signed_format=False
    )


def test_topic_always_makes_a_notification_unsigned():
    query = {"topic": "payment", "id": "1", "data.id": "2", "type": "payment"}
    found = read_notification(query, b"{}")

    assert (found.resource_id, found.is_signed_format) == ("1", False)


@pytest.mark.parametrize(
    ("query", "body"),
    [
        ({"type": "payment", "data.id": "12"}, b'{"type":"payment","data":{"id":"12"}}'),
        ({"type": "payment", "data.id": "12"}, b'{"type":"payment","data":{"id":12}}'),
        ({"type": "payment", "data.id": "12"}, b'{"type":"PAYMENT","data":{},"id":99}'),
        ({"type": "payment", "data.id": "12"}, b'{"type":null,"data":{"id":null}}'),
        ({"type": "payment", "data.id": "12"}, b'{"data":[13]}'),
        ({"data.id": "12"}, b'{"type":"payment"}'),
        ({"type": "order", "data.id": "ord01ab"}, b'{"type":"order","data":{"id":"ORD01AB","type":"online"},"id":99}'),
        ({"type": "order", "data.id": "ORD01AB"}, b'{"type":"order","data":{"id":"ord01ab"}}'),
        (
            {"type": "topic_merchant_order_wh", "data.id": "23"},
            b'{"id":"23","type":"topic_merchant_order_wh","data":{"currency_id":"","marketplace":"NONE","status":"open"}}',
        ),
        ({"type": "topic_merchant_order_wh", "data.id": "23"}, b'{"id":99,"data":{"id":23}}'),
        ({"type": "topic_chargebacks_wh", "data.id": "7"}, b'{"id":99,"data":{"id":7,"payment_id":12}}'),
    ],
)
def test_body_that_matches_its_query_is_read(query, body):
    found = read_notification(query, body)

    assert (found.resource_id, found.is_signed_format) == (query["data.id"], True)


@pytest.mark.parametrize(
    ("query", "body"),
    [
        ({"type": "payment", "data.id": "12"}, b'{"type":"payment","data":{"id":"13"}}'),
        ({"type": "payment", "data.id": "12"}, b'{"type":"payment","data":{"id":13}}'),
        ({"type": "payment", "data.id": "12"}, b'{"type":"payment","data":{"id":""}}'),
        ({"type": "payment", "data.id": "12"}, b'{"type":"payment","data":{"id":true}}'),
        ({"type": "payment", "data.id": "12"}, b'{"type":"payment","data":{"id":12.0}}'),
        ({"type": "payment", "data.id": "12"}, b'{"type":"payment","data":{"id":["12"]}}'),
        ({"type": "payment", "data.id": "12"}, b'{"type":"order","data":{"id":"12"}}'),
        ({"type": "payment", "data.id": "12"}, b'{"type":"","data":{"id":"12"}}'),
        ({"type": "payment", "data.id": "12"}, b'{"type":["payment"]}'),
        ({"type": "order", "data.id": "ord01ab"}, b'{"type":"order","data":{"id":"ORD01AC"}}'),
        ({"type": "topic_merchant_order_wh", "data.id": "23"}, b'{"id":"24","data":{}}'),
        ({"type": "topic_merchant_order_wh", "data.id": "23"}, b'{"id":"23","data":{"id":"24"}}'),
    ],
)
def test_body_that_contradicts_its_query_is_no_notification(query, body):
    assert read_notification(query, body) is None


@pytest.mark.parametrize(
    ("query", "body", "kind", "resource_id"),
    [
        ({}, b'{"type":"payment","data":{"id":"42"},"user_id":"7"}', "payment", "42"),
        ({}, b'{"type":"payment","data":{"id":42},"user_id":7}', "payment", "42"),
        ({}, b'{"resource":"42","topic":"payment","user_id":7}', "payment", "42"),
        ({}, b'{"resource":"https://api.example/merchant_orders/42","topic":"merchant_order","user_id":7}', None, "42"),
        ({}, b'{"id":42,"topic":"payment","user_id":7}', "payment", "42"),
        ({"type": "payment"}, b'{"data":{"id":"42"},"user_id":7}', "payment", "42"),
        ({"type": "payment", "data.id": ""}, b'{"data":{"id":"42"},"user_id":7}', "payment", "42"),
        ({"type": "payment", "id": "42"}, b'{"data":{"id":"43"},"user_id":7}', "payment", "42"),
    ],
)
def test_notification_without_a_signed_id_is_unsigned(query, body, kind, resource_id):
    assert read_notification(query, body) == Notification(
        kind=kind or "merchant_order", resource_id=resource_id, account_id="7", is_signed_format=False
    )


def test_notification_may_have_no_body():
    assert read_notification({"data.id": "1", "type": "payment"}, b"") is not None


@pytest.mark.parametrize(
    ("query", "body"),
    [
        ({}, b""),
        ({}, b"{}"),
        ({"type": "payment"}, b"{}"),
        ({"data.id": "1"}, b"{}"),
        ({"topic": "payment"}, b'{"resource":"1"}'),
        ({"topic": "", "id": "1"}, b"{}"),
        ({"topic": "payment", "id": ""}, b"{}"),
        ({"data.id": "1/../2", "type": "payment"}, b"{}"),
        ({"data.id": "1?x=2", "type": "payment"}, b"{}"),
        ({"data.id": "1" * 65, "type": "payment"}, b"{}"),
        ({"data.id": "1 ", "type": "payment"}, b"{}"),
        ({"data.id": "1\n", "type": "payment"}, b"{}"),
        ({"data.id": "1", "type": "pay ment"}, b"{}"),
        ({"data.id": "1", "type": "payment"}, b"not json"),
        ({"data.id": "1", "type": "payment"}, b"[]"),
        ({"data.id": "1", "type": "payment"}, b'"text"'),
        ({"data.id": "1", "type": "payment"}, b"null"),
        ({"data.id": "1", "type": "payment"}, b'{"a":'),
        ({"data.id": "1", "type": "payment"}, b'{"a":"\xff"}'),
        ({"data.id": "1", "type": "payment"}, b"\xff\xfe"),
        ({"data.id": "1", "type": "payment"}, b"[" * 60_000),
        ({"data.id": "1", "type": "payment"}, b'{"a":' * 12_000),
        ({}, b'{"type":"payment","data":{"id":true}}'),
        ({}, b'{"type":"payment","data":{"id":1.5}}'),
        ({}, b'{"type":"payment","data":{"id":null}}'),
        ({}, b'{"type":"payment","data":[1]}'),
        ({}, b'{"type":["payment"],"data":{"id":1}}'),
        ({}, b'{"type":1,"data":{"id":1}}'),
    ],
)
def test_other_requests_are_no_notification(query, body):
    assert read_notification(query, body) is None


@pytest.mark.parametrize("user_id", [b"true", b"1.5", b"null", b"[]", b"{}"])
def test_malformed_account_id_is_ignored(user_id):
    found = read_notification({"data.id": "1", "type": "payment"}, b'{"user_id":%b}' % user_id)

    assert found.account_id is None


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)
FIELDS = st.sampled_from(["type", "data", "user_id", "id", "topic", "data.id", "resource"])


@given(
    st.dictionaries(FIELDS, st.text(max_size=70), max_size=4),
    st.binary(max_size=50) | st.dictionaries(FIELDS, JSON, max_size=4).map(msgspec.json.encode),
)
def test_reading_never_fails_and_ids_fit_a_path(query, body):
    found = read_notification(query, body)

    if found is not None:
        assert mercado_pago_webhook.RESOURCE_ID.fullmatch(found.resource_id)
        assert mercado_pago_webhook.RESOURCE_ID.fullmatch(found.kind)
