"""PostgreSQL refuses writes: each writing route answers 503 without an effect, and works again afterwards."""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import time
from datetime import UTC, datetime
from io import BytesIO

import pytest
from PIL import Image

from services.gateway.routes import ROUTES
from tests.database import demoted, full
from tests.e2e.test_money_that_does_not_fit import confirm, transfer
from tests.running_hub import MERCHANT, SANDBOX_TOKEN, WEBHOOK_SECRET

pytestmark = pytest.mark.xdist_group("crashes")

PIX = "/payments/pix"
API = "/payments/api"
ADMIN = "/admin/merchants"
V1 = "/v1/payments/{payment_id}"
LOGO = f"/v1/merchant/logo?merchant={MERCHANT}"
ITEMS = {"padaria_slug": MERCHANT, "items": [{"nome": "Pão Francês", "quantidade": 10}]}
# While every open payment is watched, this route writes nothing.
WRITE_NOTHING_HERE = {f"{API}/monitor/{{payment_id}}/start/", f"{API}/monitors/start-all/"}


@pytest.fixture
def hub(harmed_hub):
    return harmed_hub


def picture(colour: str) -> bytes:
    stream = BytesIO()
    Image.new("RGB", (8, 8), colour).save(stream, "PNG")
    return stream.getvalue()


def signed(payment_id) -> dict[str, str]:
    at = int(time.time())
    digest = hmac.new(WEBHOOK_SECRET.encode(), f"id:{payment_id};request-id:r;ts:{at};".encode(), hashlib.sha256)
    return {"x-signature": f"ts={at},v1={digest.hexdigest()}", "x-request-id": "r"}


async def prepare(hub, until):
    """Create an open Pix, one that holds a part, a paid link and an unpaid one."""
    await hub.faults(webhooks=False)
    _, created = await hub.post(PIX, {"value": 9})
    _, short = await hub.post(PIX, {"value": 9})
    number = time.time_ns() % 10**15
    assert (await confirm(hub, short["payment"], 5, number))[1]["code"] == "wrong_amount"
    paid, unpaid = await hub.link(), await hub.link()
    await hub.pay_as_a_person(paid["checkout_url"])

    async def is_listed():
        _, monitors = await hub.get(f"{API}/monitors/?padaria_slug={MERCHANT}")
        return unpaid["payment_id"] in monitors["payment_ids"]

    await hub.until_checked(paid["payment_id"], status="approved")
    await until(is_listed, "the unpaid link is among the open payments")
    assert (await ask(hub, "PUT", LOGO, picture("red")))[0] == 200
    _, keys = await hub.administer("GET", f"{ADMIN}/{MERCHANT}/api-keys")
    return created["payment"], short["payment"], transfer(number), paid, unpaid, keys["api_keys"][0]["key_id"]


def walks(prepared):
    """Return the request of each writing route: method and route, then address and body."""
    opened, short, end_to_end_id, paid, unpaid, key_id = prepared
    shop, provider = f"{ADMIN}/{MERCHANT}", f"{ADMIN}/{MERCHANT}/providers/mercado_pago"
    credential = {"access_token": SANDBOX_TOKEN, "webhook_secret": WEBHOOK_SECRET}
    confirmation = {"bank_payment_id": opened["bank_payment_id"], "value": 9}
    returned = {
        "return_id": "D1",
        "end_to_end_id": end_to_end_id,
        "amount": 1,
        "returned_at": datetime.now(UTC).isoformat(),
    }
    customer = {"email": "ana@testuser.com"}
    return {
        ("POST", PIX): (PIX, {"value": 1}),
        ("POST", "/v1/payments"): ("/v1/payments", {"method": "pix", "amount_centavos": 1}),
        ("POST", f"{PIX}/confirmation"): (f"{PIX}/confirmation", confirmation),
        ("POST", f"{PIX}/{{payment_id}}/returned"): (f"{PIX}/{short['id']}/returned", returned),
        ("POST", f"{API}/generate-link/"): (f"{API}/generate-link/", ITEMS),
        ("POST", f"{API}/cart/"): (f"{API}/cart/", {**ITEMS, "customer": customer}),
        ("POST", f"{API}/check/{{payment_id}}/"): (f"{API}/check/{unpaid['payment_id']}/", {}),
        ("POST", f"{API}/sync-pending/"): (f"{API}/sync-pending/", {"padaria_slug": MERCHANT}),
        ("POST", f"{API}/{{payment_id}}/cancel/"): (f"{API}/{opened['id']}/cancel/", {}),
        ("POST", f"{API}/{{payment_id}}/refund/"): (f"{API}/{paid['payment_id']}/refund/", {"all": True}),
        ("POST", f"{API}/{{payment_id}}/accept/"): (f"{API}/{short['id']}/accept/", {}),
        ("POST", f"{API}/{{payment_id}}/alerts/{{alert}}/resolve/"): (
            f"{API}/{short['id']}/alerts/partially_paid/resolve/",
            {"reason": "x"},
        ),
        ("POST", f"{V1}/verify"): (f"/v1/payments/{unpaid['payment_id']}/verify", {}),
        ("POST", f"{V1}/cancel"): (f"/v1/payments/{opened['id']}/cancel", {}),
        ("POST", f"{V1}/refunds"): (f"/v1/payments/{paid['payment_id']}/refunds", {"all": True}),
        ("POST", f"{V1}/alerts/{{alert}}/resolve"): (
            f"/v1/payments/{short['id']}/alerts/partially_paid/resolve",
            {"reason": "x"},
        ),
        ("POST", ADMIN): (ADMIN, {"slug": "loja-que-nao-vem", "name": "Loja", "city": "Recife"}),
        ("PATCH", f"{ADMIN}/{{merchant}}"): (shop, {"name": "Outra"}),
        ("PUT", f"{ADMIN}/{{merchant}}/pix-key"): (f"{shop}/pix-key", {"kind": "email", "key": "a@example.com"}),
        ("DELETE", f"{ADMIN}/{{merchant}}/pix-key"): (f"{shop}/pix-key", None),
        ("PUT", f"{ADMIN}/{{merchant}}/products/{{product}}"): (f"{shop}/products/Sonho", {"price": 4}),
        ("DELETE", f"{ADMIN}/{{merchant}}/products/{{product}}"): (f"{shop}/products/Pão Francês", None),
        ("PUT", f"{ADMIN}/{{merchant}}/providers/{{provider}}"): (provider, credential),
        ("DELETE", f"{ADMIN}/{{merchant}}/providers/{{provider}}"): (provider, None),
        ("PUT", f"{ADMIN}/{{merchant}}/providers/{{provider}}/webhook-secret"): (
            f"{provider}/webhook-secret",
            {"webhook_secret": "s" * 32},
        ),
        ("POST", f"{ADMIN}/{{merchant}}/api-keys"): (f"{shop}/api-keys", {"scopes": ["payments:read"]}),
        ("DELETE", f"{ADMIN}/{{merchant}}/api-keys/{{key_id}}"): (f"{shop}/api-keys/{key_id}", None),
        ("POST", f"{ADMIN}/{{merchant}}/forget"): (
            f"{shop}/forget",
            {"payment_id": opened["id"], "reason": "payer_request", "dry_run": False},
        ),
        ("POST", f"{ADMIN}/{{merchant}}/payments/{{payment_id}}/hold"): (
            f"{shop}/payments/{unpaid['payment_id']}/hold",
            {"reason": "litigation"},
        ),
        ("DELETE", f"{ADMIN}/{{merchant}}/payments/{{payment_id}}/hold"): (
            f"{shop}/payments/{paid['payment_id']}/hold",
            None,
        ),
        ("PATCH", "/v1/merchant"): (f"/v1/merchant?merchant={MERCHANT}", {"colour": "#112233"}),
        ("PUT", "/v1/merchant/logo"): (LOGO, picture("blue")),
        ("DELETE", "/v1/merchant/logo"): (LOGO, None),
        ("POST", "/v1/api_keys"): (f"/v1/api_keys?merchant={MERCHANT}", {}),
        ("DELETE", "/v1/api_keys/{key_id}"): (f"/v1/api_keys/{key_id}?merchant={MERCHANT}", None),
        ("POST", "/webhooks/mercadopago/"): (
            "/webhooks/mercadopago/?type=payment&data.id=123",
            {"user_id": 174087000},
        ),
        ("POST", "/webhooks/mercadopago/{merchant}/"): (
            f"/webhooks/mercadopago/{MERCHANT}/?type=payment&data.id=123",
            {},
        ),
    }


async def ask(hub, method, path, body):
    administers = path.startswith(("/admin", "/v1/merchant", "/v1/api_keys"))
    headers = {"Authorization": f"Bearer {hub.admin_key if administers else hub.api_key}", **signed(123)}
    if isinstance(body, bytes):
        sent = {"data": body, "headers": {**headers, "Content-Type": "image/png"}}
    else:
        sent = {"json": body, "headers": headers}
    async with hub.session.request(method, hub.url + path, **sent) as answer:
        return answer.status, answer.headers.get("Retry-After"), (await answer.json()).get("code")


@pytest.mark.parametrize("refusing", [demoted, full])
async def test_refused_database_writes_are_answered_503(hub, until, refusing):
    prepared = await prepare(hub, until)
    unpaid, asked = prepared[4], walks(prepared)
    writing = {(route.method, route.path) for route in ROUTES if route.method != "GET"}
    assert asked.keys() == {(method, path) for method, path in writing if path not in WRITE_NOTHING_HERE}
    processes = [hub.pid(name) for name in ("gateway", "monitor", "projections")]
    state = "SELECT count(*), (SELECT count(*) FROM webhook_deliveries) FROM stored_events"

    async with refusing(hub.owners_database_url):
        before = await hub.rows(state)
        await hub.pay_as_a_person(unpaid["checkout_url"])
        answers = await asyncio.gather(*(ask(hub, name[0], *walk) for name, walk in asked.items()))
        assert dict(zip(asked, answers, strict=True)) == dict.fromkeys(asked, (503, "1", "store_unavailable"))
        assert await hub.rows(state) == before
        status, _ = await hub.get(f"{API}/pending/?padaria_slug={MERCHANT}")
        assert status == 200

    async def is_writing():
        return (await hub.post(PIX, {"value": 1}))[0] == 201

    await until(is_writing, "the gateway has reconnected to the writable database")
    assert (await hub.check(unpaid["payment_id"]))["status"] == "approved"
    assert (await hub.administer("GET", f"{ADMIN}/{MERCHANT}"))[1]["merchant"]["pix_key"] is not None
    assert [hub.pid(name) for name in ("gateway", "monitor", "projections")] == processes
