"""Invalid input gets an error in the route's own format, and records nothing."""

from __future__ import annotations

import gzip
import io
import json
from uuid import uuid4

import aiohttp
import pytest
from msgspec import Struct

from contracts.operations import OPERATIONS
from tests.compatibility.claim import claim

MERCHANT = "padaria-do-marcos"
NO_SUCH_CHARGE = "No payment has this bank_payment_id."
BREAD = {"nome": "Pão Francês", "quantidade": 1}


EVENTS_BECAUSE_OF = """
    SELECT topic FROM stored_events WHERE convert_from(state, 'UTF8')::json -> 'cause' ->> 'correlation_id' = $1
"""


@pytest.fixture
async def records_nothing(hub):
    """Check that no request of the test records an event; the hub itself may record others meanwhile."""
    name = uuid4().hex
    hub.session.headers["X-Correlation-Id"] = name
    yield
    assert await hub.rows(EVENTS_BECAUSE_OF, name) == []


async def test_rejection_that_stores_events_is_detected(hub):
    name = uuid4().hex
    hub.session.headers["X-Correlation-Id"] = name
    assert (await send(hub, "/payments/pix", '{"value": 1}'))[0] == 201
    assert await hub.rows(EVENTS_BECAUSE_OF, name) == [("PaymentOpened.v5",)]


async def send(hub, path, data, *, content_type="application/json"):
    headers = {**hub.headers, "Content-Type": content_type}
    async with hub.session.post(hub.url + path, data=data, headers=headers) as answer:
        return answer.status, await answer.json()


@pytest.mark.parametrize("quantity", ["1E1000000", "-1E1000000", "1e999999999", "1e-1000000", "1.0e1"])
async def test_huge_exponent_in_quantity_is_rejected(hub, quantity):
    data = f'{{"padaria_slug": "{MERCHANT}", "items": [{{"nome": "Pão Francês", "quantidade": {quantity}}}]}}'
    status, answer = await send(hub, "/payments/api/generate-link/", data)
    if quantity == "1.0e1":
        assert (status, answer["total"]) == (200, 5.0)
    else:
        assert (status, answer["code"]) == (400, "invalid_quantity")


@claim("pix.value", "pix.errors")
@pytest.mark.parametrize(
    ("body", "code"),
    [
        ("{}", "amount_missing"),
        ('{"value": null}', "amount_missing"),
        ('{"value": 0}', "amount_zero"),
        ('{"value": 0.00}', "amount_zero"),
        ('{"value": -1}', "amount_negative"),
        ('{"value": "10"}', "amount_text"),
        ('{"value": 1e400}', "amount_too_large"),
        ('{"value": 1e9999999999999999999999}', "invalid_json"),
        ('{"value": 10.001}', "amount_too_precise"),
        ('{"value": 1000000.01}', "amount_too_large"),
        ('{"value": NaN}', "invalid_json"),
        ('{"value": Infinity}', "invalid_json"),
        ("", "invalid_json"),
        ("value=1", "invalid_json"),
        ("[1]", "not_an_object"),
        ('"text"', "not_an_object"),
        ("[" * 100_00, "invalid_json"),
        ('{"value": 1, "description": "\\ud800"}', "invalid_json"),
        ('{"value": 1, "description": 5}', "invalid_text"),
        ('{"value": 1, "description": "a\\u0000b"}', "invalid_text"),
        ('{"value": 1, "description": "\\u202e00,1 $R"}', "invalid_text"),
        ('{"value": 1, "description": "a\\u2066b"}', "invalid_text"),
        ('{"value": 1, "padaria_slug": "nobody"}', "merchant_not_found"),
        ('{"value": 1, "expires_in_minutes": 0}', "invalid_lifetime"),
        ('{"value": 1, "expires_in_minutes": true}', "invalid_lifetime"),
        ('{"value": 1, "payer": []}', "invalid_payer"),
        ('{"value": 1, "payer": {"email": "nobody"}}', "invalid_email"),
    ],
)
@pytest.mark.usefixtures("records_nothing")
async def test_invalid_pix_is_rejected(hub, body, code):
    status, answer = await send(hub, "/payments/pix", body)
    assert status == 400
    assert answer["code"] == code
    assert set(answer) == {"message", "code"}
    assert answer["message"]


@claim("pix.more", "pix.errors")
@pytest.mark.parametrize(
    ("more", "message"),
    [
        ({"descricao": "Pão"}, "Unknown field 'descricao'. Did you mean 'description'?"),
        ({"payer": {"nome": "Ana"}}, "Unknown field 'payer.nome'. Did you mean 'name'?"),
        ({"payer": {"telefone": 1}}, "Unknown field 'payer.telefone'. The fields are 'email', 'name'."),
        ({"value": 0}, "The amount must be above zero."),
        ({"value": "10"}, "The amount must be a number, not a text: leave out the quotes."),
        ({"value": 1000000.01}, "The amount must not be above R$ 1.000.000,00."),
        ({"description": 5}, "The field 'description' must be a text."),
        ({"description": "a\0b"}, "The field 'description' has control characters."),
        ({"description": "a" * 501}, "The field 'description' must have at most 500 characters."),
        ({"padaria_slug": 5}, "The field 'padaria_slug' must be a text."),
        ({"padaria_slug": "nobody"}, "Merchant 'nobody' does not exist."),
        ({"payer": []}, "The field 'payer' must be an object."),
        ({"payer": {"email": "nobody"}}, "The field 'email' must be an e-mail address."),
        ({"expires_in_minutes": 0}, "The field 'expires_in_minutes' must be a whole number from 1 to 43200."),
    ],
)
async def test_pix_errors_are_english(hub, more, message):
    status, answer = await hub.post("/payments/pix", {"value": 1, **more})
    assert (status, answer["message"]) == (400, message)


@pytest.mark.parametrize(
    ("number", "status", "code", "message"),
    [
        ("999999", 404, "payment_not_found", "Payment 999999 does not exist."),
        ("abc", 400, "invalid_payment_id", "'abc' is not a payment number."),
    ],
)
async def test_return_for_unknown_payment_is_rejected_in_english(hub, number, status, code, message):
    assert await hub.post(f"/payments/pix/{number}/returned", {}) == (status, {"message": message, "code": code})


@claim("pix.errors", "errors.body")
async def test_invalid_idempotency_key_uses_language_of_route(hub):
    wrong = {"Idempotency-Key": "with a space"}
    order = {"padaria_slug": MERCHANT, "items": [BREAD]}
    _, answer = await hub.post("/payments/pix", {"value": 1}, wrong)
    assert answer["message"] == "An Idempotency-Key has 1 to 128 visible ASCII characters."
    _, answer = await hub.post("/payments/api/generate-link/", order, wrong)
    assert answer["error"] == "Uma Idempotency-Key tem de 1 a 128 caracteres ASCII visíveis"
    assert answer["code"] == "invalid_idempotency_key"


@claim("pix.errors")
@pytest.mark.parametrize(
    ("method", "path", "status", "message"),
    [
        ("GET", "/payments/pix/", 405, "This address accepts the methods POST."),
        ("GET", "/payments/pix/1/2", 404, "This address does not exist."),
        ("GET", "/payments/pix/qr_code/nothing", 404, "This QR code does not exist."),
        ("DELETE", "/payments/pix", 405, "This address accepts the methods POST."),
        ("PUT", "/payments/pix/confirmation", 405, "This address accepts the methods GET, HEAD, POST."),
        ("DELETE", "/payments/pix/1", 405, "This address accepts the methods GET, HEAD."),
    ],
)
async def test_errors_below_pix_have_pix_shape(hub, method, path, status, message):
    async with hub.session.request(method, hub.url + path, headers=hub.headers) as answer:
        body = await answer.json()
        code = {404: "not_found", 405: "method_not_allowed"}[status]
        assert (answer.status, body) == (status, {"message": message, "code": code})


async def test_similar_path_has_monitoring_error_shape(hub):
    status, answer = await hub.get("/payments/pixels")
    expected = {"success": False, "error": "Nada existe neste endereço", "code": "not_found"}
    assert (status, answer) == (404, expected)


@claim("pix.value")
@pytest.mark.parametrize("value", [True, [1], {"a": 1}])
@pytest.mark.usefixtures("records_nothing")
async def test_non_numeric_value_is_rejected(hub, value):
    status, answer = await send(hub, "/payments/pix", json.dumps({"value": value}))
    assert status == 400
    assert answer["code"].startswith("amount_")


@pytest.mark.usefixtures("records_nothing")
async def test_ten_megabyte_body_is_rejected(hub):
    try:
        status, answer = await send(hub, "/payments/pix", io.BytesIO(b'{"value": 1, "x": "' + b"a" * 10_000_000))
    except (aiohttp.ClientOSError, aiohttp.ServerDisconnectedError):
        # The server may abort a client that keeps sending; it must still serve others.
        status, answer = await send(hub, "/payments/pix", b'{"value": 1, "x": "' + b"a" * 70_000)
    assert (status, answer["code"]) == (413, "body_too_large")


# Without a time stamp, so that all test workers collect the same parameter ids.
COMPRESSED = gzip.compress(b'{"value": 1}', mtime=0)


@pytest.mark.usefixtures("records_nothing")
@pytest.mark.parametrize("path", ["/payments/pix", "/payments/api/1/refund/", "/webhooks/mercadopago/padaria/"])
@pytest.mark.parametrize("body", [COMPRESSED, COMPRESSED[:10], b"no gzip"])
async def test_compressed_body_is_rejected_whole_or_truncated(hub, path, body):
    headers = {**hub.headers, "Content-Type": "application/json", "Content-Encoding": "gzip"}
    async with hub.session.post(hub.url + path, data=body, headers=headers) as answer:
        assert (answer.status, (await answer.json())["code"]) == (415, "unsupported_media_type")


@claim("pix.errors")
@pytest.mark.parametrize(
    ("data", "content_type"),
    [
        (b'{"value": 1}', "text/plain"),
        (b'{"value": 1}', "application/x-www-form-urlencoded"),
        ('{"value": 1}'.encode("utf-16"), "application/json; charset=utf-16"),
        ('{"value": 1, "description": "pão"}'.encode("latin-1"), "application/json; charset=latin-1"),
    ],
)
@pytest.mark.usefixtures("records_nothing")
async def test_other_content_type_or_charset_is_rejected(hub, data, content_type):
    status, answer = await send(hub, "/payments/pix", data, content_type=content_type)
    assert (status, answer["code"]) == (415, "unsupported_media_type")


@pytest.mark.usefixtures("records_nothing")
async def test_non_utf8_body_is_rejected(hub):
    status, answer = await send(hub, "/payments/pix", '{"value": 1, "description": "pão"}'.encode("latin-1"))
    assert (status, answer["code"]) == (400, "invalid_json")
    assert answer["message"] == "The body is not valid JSON: it is not UTF-8 at byte 30."


async def test_portuguese_route_names_json_fault_in_portuguese(hub):
    status, answer = await send(hub, "/payments/api/generate-link/", '{"items": [NaN]}')
    assert (status, answer["code"]) == (400, "invalid_json")
    assert answer["error"] == "O corpo da requisição não é um JSON válido: o erro está no byte 11"


@claim("generate-link.body")
@pytest.mark.parametrize(
    ("items", "code"),
    [
        (None, "invalid_items"),
        ([], "invalid_items"),
        ("Pão Francês", "invalid_items"),
        ([1], "invalid_item"),
        ([{"quantidade": 1}], "invalid_item"),
        ([{"nome": " ", "quantidade": 1}], "invalid_item"),
        ([{**BREAD, "quantidade": 0}], "invalid_quantity"),
        ([{**BREAD, "quantidade": -1}], "invalid_quantity"),
        ([{**BREAD, "quantidade": 1.5}], "invalid_quantity"),
        ([{**BREAD, "quantidade": "x"}], "invalid_quantity"),
        ([{**BREAD, "quantidade": True}], "invalid_quantity"),
        ([{**BREAD, "quantidade": 10**30}], "invalid_quantity"),
        ([{"nome": "Pão Francês"}], "invalid_quantity"),
        ([{**BREAD, "preco_unitario": 0}], "amount_zero"),
        ([{**BREAD, "preco_unitario": "1"}], "amount_text"),
        ([{"nome": "Pão de Ontem", "quantidade": 1}], "unknown_product"),
        ([{"nome": "pao frances", "quantidade": 1}], "unknown_product"),
        ([{"nome": "Bolo de Chocolate", "quantidade": 10_000}] * 4, "amount_too_large"),
        ([BREAD] * 101, "too_many_items"),
        ([BREAD, {**BREAD, "preco": 1}], "unknown_field"),
        ([{"name": "Pão Francês", "quantity": 1}], "unknown_field"),
    ],
)
@pytest.mark.usefixtures("records_nothing")
async def test_invalid_order_is_rejected(hub, items, code):
    body = {"padaria_slug": MERCHANT, "items": items}
    status, answer = await send(hub, "/payments/api/generate-link/", json.dumps(body))
    assert status == 400
    assert answer["success"] is False
    assert answer["code"] == code
    assert answer["error"]


@claim("generate-link.body")
@pytest.mark.parametrize(
    ("more", "error"),
    [
        ({"descricao": "Pão"}, "Campo desconhecido: 'descricao'. Você quis dizer 'description'?"),
        ({"expiration_minutes": 5}, "Campo desconhecido: 'expiration_minutes'. Você quis dizer 'expires_in_minutes'?"),
        (
            {"items": [BREAD, {**BREAD, "qtd": 2}]},
            "Campo desconhecido: 'items[1].qtd'. Os campos são 'nome', 'quantidade', 'preco_unitario', 'id'",
        ),
    ],
)
@pytest.mark.usefixtures("records_nothing")
async def test_unknown_order_field_suggests_nearest_name(hub, more, error):
    body = {"padaria_slug": MERCHANT, "items": [BREAD]} | more
    status, answer = await send(hub, "/payments/api/generate-link/", json.dumps(body))
    assert (status, answer) == (400, {"success": False, "error": error, "code": "unknown_field"})


@claim("generate-link.body")
async def test_order_line_accepts_reference_product_number(hub):
    body = {"padaria_slug": MERCHANT, "items": [{**BREAD, "id": 7}]}
    status, answer = await hub.post("/payments/api/generate-link/", body)
    assert (status, answer["items"][0]["nome"]) == (200, "Pão Francês")


WITH_A_BODY = [each for each in OPERATIONS if isinstance(each.body, type) and issubclass(each.body, Struct)]


@pytest.mark.usefixtures("records_nothing")
async def test_unknown_field_is_rejected_except_from_banks(hub):
    _, pix = await hub.post("/payments/pix", {"value": 1}, {"X-Correlation-Id": uuid4().hex})
    places = {"merchant": MERCHANT, "provider": "mercado_pago", "product": "Bolo", "alert": "late_payment"}
    codes = {}
    for operation in WITH_A_BODY:
        path = operation.path.format(payment_id=pix["payment"]["id"], **places)
        key = hub.admin_key if operation.scope == "admin" else hub.api_key
        status, answer = await hub.administer(operation.method, path, {"desconhecido": 1}, key=key)
        assert status == 400
        codes[operation.name] = answer["code"]
    by_banks = {"confirmPix": "invalid_bank_payment_id", "returnPix": "invalid_return_id"}
    assert codes == dict.fromkeys(codes, "unknown_field") | by_banks


@claim("check.missing", "list.padaria", "list.limit", "errors.body")
@pytest.mark.parametrize(
    ("path", "status", "error"),
    [
        ("check/999999/", 404, "Pagamento 999999 não encontrado"),
        ("check/999999999999999999999/", 404, "Pagamento 999999999999999999999 não encontrado"),
        ("check/0/", 404, "Pagamento 0 não encontrado"),
        ("check/abc/", 400, "'abc' não é um número de pagamento"),
        ("check/-1/", 400, "'-1' não é um número de pagamento"),
        ("check/1.5/", 400, "'1.5' não é um número de pagamento"),
        ("999999/events/", 404, "Pagamento 999999 não encontrado"),
        ("abc/events/", 400, "'abc' não é um número de pagamento"),
        ("pending/", 400, "O parâmetro 'padaria_slug' é obrigatório"),
        ("pending/?padaria_slug=slug-invalido", 400, "Padaria 'slug-invalido' não encontrada"),
        (f"pending/?padaria_slug={MERCHANT}&limit=abc", 400, "O parâmetro 'limit' deve ser um inteiro de 1 a 1000"),
        (f"pending/?padaria_slug={MERCHANT}&limit=-1", 400, "O parâmetro 'limit' deve ser um inteiro de 1 a 1000"),
        (f"pending/?padaria_slug={MERCHANT}&limit=0", 400, "O parâmetro 'limit' deve ser um inteiro de 1 a 1000"),
        (
            f"pending/?padaria_slug={MERCHANT}&limit=1000000000",
            400,
            "O parâmetro 'limit' deve ser um inteiro de 1 a 1000",
        ),
        (f"pending/?padaria_slug={MERCHANT}&limit=1001", 400, "O parâmetro 'limit' deve ser um inteiro de 1 a 1000"),
        ("nothing-here/", 404, "Nada existe neste endereço"),
    ],
)
async def test_unknown_payment_or_merchant_is_answered_404(hub, path, status, error):
    answered, answer = await hub.get(f"/payments/api/{path}")
    assert (answered, answer["success"], answer["error"]) == (status, False, error)


async def test_wrong_method_lists_allowed_methods(hub):
    async with hub.session.delete(f"{hub.url}/payments/pix", headers=hub.headers) as answer:
        assert answer.status == 405
        assert answer.headers["Allow"] == "POST"


@pytest.mark.parametrize(
    ("query", "status"),
    [
        ({}, 400),
        ({"payment_id": "999999"}, 404),
        ({"payment_id": "abc"}, 400),
        ({"padaria_slug": "nobody"}, 400),
        ({"padaria_slug": MERCHANT, "payment_id": "1"}, 400),
        ({"padaria_slug": MERCHANT, "after": "x"}, 400),
        ({"padaria_slug": MERCHANT, "after": "9" * 30}, 400),
        ({"padaria_slug": MERCHANT, "after": "9" * 15}, 400),
    ],
)
async def test_socket_without_target_is_rejected(hub, query, status):
    with pytest.raises(aiohttp.WSServerHandshakeError) as refused:
        async with hub.socket(**query):
            pass
    assert refused.value.status == status


@claim("pix.errors", "errors.body")
@pytest.mark.parametrize(
    "headers",
    [{}, {"Authorization": "Bearer nonsense"}, {"Authorization": "Basic eDp5"}, {"Authorization": "Bearer a.b.c.d"}],
)
async def test_request_without_key_is_rejected(hub, headers):
    for method, path in (("POST", "/payments/pix"), ("GET", "/payments/api/check/1/"), ("GET", "/ws?payment_id=1")):
        async with hub.session.request(method, hub.url + path, headers=headers, json={"value": 1}) as answer:
            assert answer.status == 401
            assert answer.headers["WWW-Authenticate"] == "Bearer"
            assert "unauthenticated" in await answer.text()


@claim("pix.errors", "pix-confirmation.body")
@pytest.mark.parametrize(
    ("body", "status", "code", "message"),
    [
        ({}, 400, "invalid_bank_payment_id", "The field 'bank_payment_id' must be a text."),
        (
            {"bank_payment_id": 5, "value": 1},
            400,
            "invalid_bank_payment_id",
            "The field 'bank_payment_id' must be a text.",
        ),
        ({"bank_payment_id": "unique_id", "value": 1}, 404, "not_found", NO_SUCH_CHARGE),
        ({"bank_payment_id": "00000000-0001-8000-8000-000000000000", "value": 1}, 404, "not_found", NO_SUCH_CHARGE),
        ({"bank_payment_id": "unique_id"}, 400, "amount_missing", "The field 'value' is missing."),
    ],
)
@pytest.mark.usefixtures("records_nothing")
async def test_invalid_confirmation_is_rejected(hub, body, status, code, message):
    answered, answer = await hub.post("/payments/pix/confirmation", body)
    assert (answered, answer) == (status, {"message": message, "code": code})


@claim("webhook.signature")
@pytest.mark.parametrize(
    ("path", "body", "status", "code"),
    [
        ("/webhooks/mercadopago/nobody/?type=payment&data.id=1", "{}", 404, "unknown_merchant"),
        (f"/webhooks/mercadopago/{MERCHANT}/", "not json", 400, "invalid_notification"),
        (f"/webhooks/mercadopago/{MERCHANT}/", "{}", 400, "invalid_notification"),
        (f"/webhooks/mercadopago/{MERCHANT}/?type=payment&data.id=../1", "{}", 400, "invalid_notification"),
        (f"/webhooks/mercadopago/{MERCHANT}/?type=payment&data.id=1", "{}", 401, "invalid_signature"),
        ("/webhooks/mercadopago/?type=payment&data.id=1", '{"user_id": 1}', 404, "unknown_merchant"),
    ],
)
@pytest.mark.usefixtures("records_nothing")
async def test_invalid_webhook_is_rejected(hub, path, body, status, code):
    async with hub.session.post(hub.url + path, data=body) as answer:
        assert (answer.status, (await answer.json())["code"]) == (status, code)


@claim("webhook.signature")
@pytest.mark.parametrize(
    ("address", "stored"), [(f"/webhooks/mercadopago/{MERCHANT}/", 1), ("/webhooks/mercadopago/", 0)]
)
@pytest.mark.usefixtures("records_nothing")
async def test_ipn_notification_is_accepted_and_not_trusted(hub, address, stored):
    """The address of a merchant stores it as unverifiable; the shared address has no merchant for it."""
    body = '{"resource": "123", "topic": "payment"}'
    name = f"12{stored}"
    async with hub.session.post(f"{hub.url}{address}?topic=payment&id={name}", data=body) as answer:
        assert (answer.status, await answer.json()) == (200, {"success": True})
    kept = await hub.rows("SELECT verdict, outcome FROM webhook_deliveries WHERE resource_id = $1", name)
    assert kept == [("unverifiable", None)] * stored


@pytest.mark.parametrize(
    ("method", "path", "headers"),
    [
        ("GET", "/payments/api/check/" + "9" * 5000 + "/?t=abc", {}),
        ("GET", "/payments/api/check/1/", {"Authorization": b"Bearer extrato.padaria-do-marcos.\xff.\xff"}),
        ("POST", "/webhooks/mercadopago/%00/?type=payment&data.id=1", {}),
        ("POST", f"/webhooks/mercadopago/{MERCHANT}/?type=payment&data.id=1", {"User-Agent": b"\xff"}),
        (
            "POST",
            f"/webhooks/mercadopago/{MERCHANT}/?type=payment&data.id=1",
            {"x-signature": b"ts=1,v1=" + b"0" * 64, "x-request-id": b"\xff"},
        ),
    ],
)
async def test_unusual_bytes_and_lengths_are_rejected(hub, method, path, headers):
    """A raw socket sends these, because client libraries refuse to."""
    status, answer = await hub.raw(method, path, *headers.items())
    assert 400 <= status < 500, answer


@pytest.mark.parametrize(
    ("name", "hint"),
    [
        ("pao frances", "; o mais parecido é 'Pão Francês'"),
        ("Pão Francêss", "; o mais parecido é 'Pão Francês'"),
        ("Bolo-de-chocolate", "; o mais parecido é 'Bolo de Chocolate'"),
        ("{}", ""),
        ("Sonho", ""),
    ],
)
@pytest.mark.usefixtures("records_nothing")
async def test_unknown_product_suggests_nearest_name(hub, name, hint):
    order = {"padaria_slug": MERCHANT, "items": [{"nome": name, "quantidade": 1}]}
    cart = {**order, "customer": {"email": "ana@example.com"}}
    for path, body in (("/payments/api/generate-link/", order), ("/payments/api/cart/", cart)):
        status, answer = await send(hub, path, json.dumps(body))
        assert (status, answer["error"]) == (400, f"Produto '{name}' não encontrado{hint}")
