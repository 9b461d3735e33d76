"""Every response that a reference documents, compared with its sample, in open mode."""

from __future__ import annotations

import asyncio
import dataclasses
import hashlib
import hmac
import json
import re
import time
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from contracts.events import Item
from extrato.use_cases.complete_charge import WATCH
from extrato.use_cases.create_payment import NewPayment, create_payment
from extrato.use_cases.merchant_directory import MerchantDirectory
from extrato.values import Payer
from tests.compatibility.claim import claim
from tests.pace import within
from tests.running_hub import CAUSE, MERCHANT, SANDBOX_TOKEN, WEBHOOK_SECRET

pytestmark = pytest.mark.xdist_group("open mode")

NAMED = {"padaria_slug": MERCHANT}

# --- the samples of the references ----------------------------------------------------------------

PIX = """{
  "message": "The payment has been created.",
  "payment": {
    "id": 1,
    "value": 100.0,
    "expiration_date": "2024-12-22T12:30:00",
    "bank_payment_id": "unique_id",
    "qr_code": "path_to_qr_code"
  }
}"""

LINK = """{
    "success": true,
    "payment_id": 15,
    "preference_id": "xxx-yyy-zzz",
    "checkout_url": "https://www.mercadopago.com.br/checkout/v1/redirect?pref_id=...",
    "secure_checkout_url": "http://seusite.com/payments/mp/pay/15/",
    "status_check_url": "http://seusite.com/payments/api/check/15/",
    "sandbox_url": "https://sandbox...",
    "title": "Pedido Padaria do Marcos",
    "total": 35.00,
    "items": [],
    "description": "10x Pão Francês, 1x Bolo de Chocolate",
    "status": "pending",
    "external_reference": "pandia_padaria_abc12345",
    "created_at": "2026-01-12T10:00:00Z"
}"""  # The reference leaves out the items, as `[...]`.

CHECK = """{
    "success": true,
    "payment_id": 15,
    "mp_payment_id": "123456789",
    "preference_id": "xxx-yyy-zzz",
    "external_reference": "pandia_padaria_abc12345",
    "status": "approved",
    "status_detail": "accredited",
    "status_label": "Aprovado",
    "amount": 35.00,
    "description": "10x Pão Francês, 1x Bolo de Chocolate",
    "checkout_url": "https://www.mercadopago.com.br/checkout/v1/redirect?pref_id=...",
    "padaria_name": "Padaria do Marcos",
    "payer_email": "cliente@email.com",
    "paid_at": "2026-01-12T10:30:00.000000-03:00",
    "created_at": "2026-01-12T10:00:00.000000-03:00",
    "updated_at": "2026-01-12T10:30:05.000000-03:00",
    "synced": true,
    "synced_at": "2026-01-12T10:30:10.000000-03:00",
    "status_changed": true
}"""

LIST = """{
    "success": true,
    "padaria": "Padaria do Marcos",
    "count": 3,
    "status_filter": "pending",
    "payments": [
        {
            "payment_id": 18,
            "mp_payment_id": null,
            "preference_id": "xxx-yyy-zzz",
            "status": "pending",
            "status_label": "Pendente",
            "amount": 25.50,
            "description": "5x Pão de Queijo",
            "checkout_url": "https://...",
            "payer_email": "cliente@email.com",
            "paid_at": null,
            "created_at": "2026-01-12T09:00:00Z"
        }
    ]
}"""

SYNC = """{
    "success": true,
    "padaria": "Padaria do Marcos",
    "synced_count": 5,
    "approved_count": 2,
    "total_pending": 5,
    "updated_payments": [
        {
            "payment_id": 15,
            "old_status": "pending",
            "new_status": "approved",
            "amount": 35.00,
            "description": "10x Pão Francês"
        },
        {
            "payment_id": 16,
            "old_status": "pending",
            "new_status": "approved",
            "amount": 50.00,
            "description": "2x Bolo de Chocolate"
        }
    ]
}"""

STARTED = """{
    "success": true,
    "payment_id": 15,
    "status": "pending",
    "message": "Monitoramento iniciado",
    "monitoring": true
}"""

MONITORS = """{
    "success": true,
    "active_count": 3,
    "payment_ids": [15, 16, 17]
}"""

STARTED_ALL = """{
    "success": true,
    "padaria_slug": "padaria-do-marcos",
    "monitors_started": 5
}"""

NO_PAYMENT = """{
    "success": false,
    "error": "Pagamento 999 não encontrado"
}"""

NO_PADARIA = """{
    "success": false,
    "error": "Padaria 'slug-invalido' não encontrada"
}"""

NOT_CONNECTED = """{
    "success": false,
    "error": "Mercado Pago não configurado para esta padaria"
}"""

# "Fluxo Recomendado para Frontend", "Opção 2: Sincronização em Lote".
BATCH_SNIPPET = """
// A cada 30 segundos, sincronize todos os pendentes
setInterval(async () => {
    const response = await fetch('/payments/api/sync-pending/', {
        method: 'POST',
        headers: { 'Content-Type': 'application/json' },
        body: JSON.stringify({ padaria_slug: 'sua-padaria' })
    });
    
    const data = await response.json();
    
    if (data.approved_count > 0) {
        // Atualizar lista de pagamentos na tela
        data.updated_payments.forEach(p => {
            if (p.new_status === 'approved') {
                notifyPaymentApproved(p);
            }
        });
    }
}, 30000);
"""  # noqa: W293 - as it stands there

# The page around the snippet: the hub's origin, a function, and faster seconds.
PAGE = """
const [, , base] = process.argv, { fetch: plainFetch, setInterval: plainInterval } = globalThis;
globalThis.fetch = (path, options) => plainFetch(base + path, options);
globalThis.setInterval = (work, milliseconds) => plainInterval(work, milliseconds / 30);
function notifyPaymentApproved(payment) { console.log(JSON.stringify(payment)); }
"""


# The fields that both responses about payments have beside the reference's.
ATTEMPT = {
    "mp_payment_id": "string",
    "status": "string",
    "status_detail": "string",
    "amount": "number",
    "held_amount": "number",
    "refunded_amount": "number",
    "currency": "string",
}
MONEY = dict.fromkeys(("held_amount", "refunded_amount", "disputed_amount"), "number") | {"attempts": [ATTEMPT]}
OURS = {"alerts": []}


def shape(value: Any) -> Any:
    """Return the keys and JSON types of a value; for a list, those of its entries, which must be equal."""
    match value:
        case dict():
            return {key: shape(entry) for key, entry in value.items()}
        case list():
            shapes = [shape(entry) for entry in value]
            assert all(one == shapes[0] for one in shapes)
            return shapes[:1]
        case bool():
            return "boolean"
        case int() | float():
            return "number"
        case str():
            return "string"
    assert value is None
    return "null"


# --- the hub, and helpers beyond the interface ----------------------------------------------------


@pytest.fixture
def hub(keyless_hub):
    return keyless_hub


async def ask(hub, method, path, body=None):
    """Send a request without a key, as the references do."""
    async with hub.session.request(method, hub.url + path, json=body) as answer:
        return answer.status, await answer.json()


async def new_link(hub, **more):
    items = [{"nome": "Pão Francês", "quantidade": 10}, {"nome": "Bolo de Chocolate", "quantidade": 1}]
    body = {**NAMED, "items": items, "payer_email": "cliente@email.com", **more}
    status, answer = await ask(hub, "POST", "/payments/api/generate-link/", body)
    assert status == 200, answer
    return answer


async def pay(hub, link, *outcomes):
    """Pay with outcomes at the provider, and return the provider's attempt."""
    attempt = None
    for outcome in outcomes:
        attempt = await hub.sandbox(
            "POST", "/_sandbox/pay", {"preference_id": link["preference_id"], "outcome": outcome}
        )
    return attempt


async def until_status(hub, until, link, status):
    async def is_so():
        _, answer = await ask(hub, "GET", f"/payments/api/check/{link['payment_id']}/")
        return answer if answer["status"] == status else None

    return await until(is_so, f"the payment is {status}")


async def until_listed(hub, until, numbers, *, status="all"):
    async def are_listed():
        path = f"/payments/api/pending/?padaria_slug={MERCHANT}&status={status}&limit=1000"
        _, listed = await ask(hub, "GET", path)
        return listed if set(numbers) <= {payment["payment_id"] for payment in listed["payments"]} else None

    return await until(are_listed, "the payments are listed")


async def until_moved(hub, until, links):
    """Synchronise until each link has changed; return the last response and all changes."""
    moved = {}

    async def all_moved():
        status, answer = await ask(hub, "POST", "/payments/api/sync-pending/", NAMED)
        assert status == 200
        moved.update({entry["payment_id"]: entry for entry in answer["updated_payments"]})
        return answer if {link["payment_id"] for link in links} <= moved.keys() else None

    return await until(all_moved, "a synchronisation has changed the payments"), moved


async def links_whose_monitor_is_over(hub, count):
    """Open links in the hub's log with a clock in the past."""
    wanted = NewPayment(
        provider="mercado_pago",
        method="checkout",
        amount_centavos=500,
        title="Pedido",
        description="10x Pão Francês",
        items=(Item(name="Pão Francês", quantity=10, unit_price_centavos=50),),
        payer=Payer(),
        lifetime=timedelta(hours=24),
    )
    async with hub.inside() as inside:
        late = dataclasses.replace(inside, now=lambda: datetime.now(UTC) - WATCH - timedelta(seconds=1))
        merchant = await MerchantDirectory(late.log).get(MERCHANT)
        payments = [
            await create_payment(late, merchant, wanted, idempotency_key=None, cause=CAUSE) for _ in range(count)
        ]
    return [created.loaded.payment_id for created in payments]


# --- Pix in real time -----------------------------------------------------------------------------


@claim("pix.value", "pix.message", "pix.id", "pix.same-value", "pix.expiration", "pix.more")
async def test_created_pix_matches_reference_sample(hub):
    before = datetime.now(UTC)
    status, answer = await ask(hub, "POST", "/payments/pix", {"value": 100.0})
    assert status == 201
    expected = shape(json.loads(PIX))
    ours = {"status", "qr_code_url", "payload", "payment_url", "padaria_slug", "description", "created_at"}
    assert {name: kind for name, kind in shape(answer["payment"]).items() if name not in ours} == expected["payment"]
    assert answer["payment"].keys() - expected["payment"].keys() == ours
    assert answer.keys() - expected.keys() == {"payload", "payment_url", "payment_page"}
    assert answer["message"] == json.loads(PIX)["message"]
    assert answer["payment"]["value"] == 100.0
    lifetime = datetime.fromisoformat(answer["payment"]["expiration_date"]) - before
    assert timedelta(minutes=30) <= lifetime < timedelta(minutes=31)


@claim("pix-confirmation.body")
async def test_only_confirm_scope_confirms(hub):
    _, created = await ask(hub, "POST", "/payments/pix", {"value": 3})
    body = {"bank_payment_id": created["payment"]["bank_payment_id"], "value": 3}
    scopes = {"scopes": ["payments:read", "payments:write"]}
    status, issued = await hub.administer("POST", f"/admin/merchants/{MERCHANT}/api-keys", scopes)
    assert status == 201
    headers = {"Authorization": f"Bearer {issued['api_key']}"}
    status, answer = await hub.post("/payments/pix/confirmation", body, headers)
    assert (status, answer["code"]) == (403, "forbidden")
    assert await hub.post("/payments/pix/confirmation", body) == (200, {"message": "The payment has been confirmed."})


# --- payment links and their monitoring -----------------------------------------------------------


@claim("addresses.slash")
async def test_reference_routes_answer_without_trailing_slash(hub):
    link = await new_link(hub)
    number, body = link["payment_id"], {**NAMED, "items": [{"nome": "Pão Francês", "quantidade": 1}]}
    for method, path, sent in (
        ("POST", "generate-link", body),
        ("GET", f"check/{number}", None),
        ("POST", f"check/{number}", None),
        ("GET", f"pending?padaria_slug={MERCHANT}", None),
        ("POST", "sync-pending", NAMED),
        ("POST", f"monitor/{number}/start", None),
        ("GET", "monitors", None),
        ("POST", "monitors/start-all", NAMED),
    ):
        async with hub.session.request(
            method, f"{hub.url}/payments/api/{path}", json=sent, allow_redirects=False
        ) as answer:
            assert (answer.status, (await answer.json())["success"]) == (200, True), path


@claim(
    "generate-link.body",
    "generate-link.ids",
    "generate-link.checkout-url",
    "generate-link.secure-checkout-url",
    "generate-link.status-check-url",
    "generate-link.sandbox-url",
    "generate-link.order",
    "generate-link.more",
)
async def test_generated_link_matches_reference_sample(hub):
    answer = await new_link(hub)
    items, page = answer.pop("items"), answer.pop("payment_page")
    expected = json.loads(LINK)
    del expected["items"]
    assert shape(answer) == shape(expected)
    for name in ("success", "title", "total", "description", "status"):
        assert answer[name] == expected[name]
    assert [(item["nome"], item["quantidade"], item["subtotal"]) for item in items] == [
        ("Pão Francês", 10, 5.0),
        ("Bolo de Chocolate", 1, 30.0),
    ]
    assert answer["secure_checkout_url"].startswith(f"{hub.url}/payments/mp/pay/{answer['payment_id']}/?t=")
    assert page["url"] == answer["secure_checkout_url"]
    assert answer["status_check_url"].startswith(f"{hub.url}/payments/api/check/{answer['payment_id']}/?t=")
    assert datetime.fromisoformat(answer["created_at"]).utcoffset() == timedelta(hours=-3)


@claim(
    "check.asks",
    "check.ids",
    "check.status",
    "check.amount",
    "check.payer-email",
    "check.times",
    "check.synced",
    "check.status-changed",
)
@pytest.mark.parametrize("method", ["GET", "POST"])
async def test_checked_payment_matches_reference_sample(hub, until, only_when_asked, method):
    link = await new_link(hub)
    await pay(hub, link, "approved")
    status, answer = await ask(hub, method, f"/payments/api/check/{link['payment_id']}/")
    assert status == 200
    expected = json.loads(CHECK)
    assert shape(answer) == {**shape(expected), **MONEY, **OURS}
    equal = ("success", "status", "status_detail", "status_label", "amount", "description", "padaria_name", "synced")
    for name in (*equal, "status_changed"):
        assert answer[name] == expected[name]
    for name in ("payment_id", "preference_id", "external_reference", "checkout_url"):
        assert answer[name] == link[name]
    for name in ("paid_at", "created_at", "updated_at", "synced_at"):
        assert datetime.fromisoformat(answer[name]).utcoffset() == timedelta(hours=-3)


@claim("check.synced")
async def test_unanswered_check_is_not_synced(hub):
    link = await new_link(hub)
    await hub.faults(error_rate=1.0)
    status, answer = await ask(hub, "GET", f"/payments/api/check/{link['payment_id']}/")
    assert status == 200
    assert (answer["status"], answer["synced"], answer["synced_at"], answer["status_changed"]) == (
        "pending",
        False,
        None,
        False,
    )


@claim("check.synced")
async def test_direct_pix_check_calls_no_provider(hub):
    _, created = await ask(hub, "POST", "/payments/pix", {"value": 3})
    payment = created["payment"]
    for status in ("pending", "approved"):
        _, answer = await ask(hub, "GET", f"/payments/api/check/{payment['id']}/")
        assert (answer["status"], answer["synced"], answer["synced_at"]) == (status, False, None)
        await hub.post("/payments/pix/confirmation", {"bank_payment_id": payment["bank_payment_id"], "value": 3})


@claim("generate-link.order", "check.times")
async def test_times_are_brasilia_on_reference_routes_utc_in_events(hub, until):
    link = await new_link(hub)
    await pay(hub, link, "approved")
    checked = await until_status(hub, until, link, "approved")
    _, created = await ask(hub, "POST", "/payments/pix", {"value": 3})
    listed = await until_listed(hub, until, [link["payment_id"]], status="approved")
    here = [link["created_at"], created["payment"]["created_at"], created["payment"]["expiration_date"]]
    here += [checked[name] for name in ("created_at", "paid_at", "updated_at", "synced_at")]
    here += [payment[name] for payment in listed["payments"] for name in ("created_at", "paid_at")]
    assert {re.sub(r"\d", "0", moment) for moment in here} == {"0000-00-00T00:00:00.000000-00:00"}
    assert {moment[-6:] for moment in here} == {"-03:00"}
    events = await hub.events(link["payment_id"])
    times = [event[name] for event in events for name in ("time", "recorded_at")]
    times += [event["data"]["paid_at"] for event in events if event["type"] == "StatusChanged"]
    async with hub.socket(payment_id=link["payment_id"]) as socket:
        [state] = (await socket.receive_json())["payments"]
    times += [state["paid_at"], state["updated_at"]]
    assert {moment[-1] for moment in times} == {"Z"}


@claim("list.padaria", "list.answer", "list.payment")
async def test_list_matches_reference_sample(hub, until):
    link = await new_link(hub)

    async def newest_is_charged():
        status, answer = await ask(hub, "GET", f"/payments/api/pending/?padaria_slug={MERCHANT}&limit=1")
        assert status == 200
        return answer if answer["payments"][0]["preference_id"] == link["preference_id"] else None

    answer = await until(newest_is_charged, "the link is listed")
    expected = json.loads(LIST)
    listed = {**shape(expected)["payments"][0], **OURS}
    assert shape(answer) == {**shape(expected), "payments": [listed]}
    assert (answer["padaria"], answer["count"], answer["status_filter"]) == (expected["padaria"], 1, "pending")
    [listed] = answer["payments"]
    assert (listed["payment_id"], listed["status_label"]) == (link["payment_id"], "Pendente")


@claim("list.status")
async def test_list_filters_by_status(hub, until):
    waits, paid, reviewed = [await new_link(hub) for _ in range(3)]
    await pay(hub, paid, "approved")
    await pay(hub, reviewed, "in_process")
    for status, link in (("pending", waits), ("approved", paid), ("in_process", reviewed), ("all", paid)):
        listed = await until_listed(hub, until, [link["payment_id"]], status=status)
        assert listed["status_filter"] == status
        assert status == "all" or {payment["status"] for payment in listed["payments"]} == {status}
    await until_listed(hub, until, [link["payment_id"] for link in (waits, paid, reviewed)])


@claim("list.status", "list.limit")
async def test_list_holds_fifty_by_default(hub, until):
    created = await asyncio.gather(*(ask(hub, "POST", "/payments/pix", {"value": 1}) for _ in range(51)))
    await until_listed(hub, until, [answer["payment"]["id"] for _, answer in created])
    for query, count in (("", 50), ("&limit=", 50), ("&limit=2", 2), ("&limit=51", 51)):
        _, listed = await ask(hub, "GET", f"/payments/api/pending/?padaria_slug={MERCHANT}{query}")
        assert (listed["count"], len(listed["payments"])) == (count, count)
        created_at = [payment["created_at"] for payment in listed["payments"]]
        assert created_at == sorted(created_at, reverse=True)


@claim("list.status")
@pytest.mark.parametrize(
    ("query", "status"), [("status=ALL", "all"), ("status=Approved", "approved"), ("status=", "pending")]
)
async def test_list_status_accepts_capitals_or_empty(hub, until, query, status):
    link = await new_link(hub)
    if status == "approved":
        await pay(hub, link, "approved")

    async def is_listed():
        _, listed = await ask(hub, "GET", f"/payments/api/pending/?padaria_slug={MERCHANT}&{query}")
        assert listed["status_filter"] == status
        return link["payment_id"] in {payment["payment_id"] for payment in listed["payments"]}

    await until(is_listed, "the link is listed")


@claim("list.limit")
async def test_list_limit_of_one_thousand_is_accepted(hub):
    status, listed = await ask(hub, "GET", f"/payments/api/pending/?padaria_slug={MERCHANT}&status=all&limit=1000")
    assert (status, listed["success"]) == (200, True)


@claim("list.all", "sync-pending.counts")
async def test_synchronisation_counts_open_provider_payments(hub, until, only_when_asked):
    slug = "padaria-que-conta"
    merchant = {"slug": slug, "name": "Padaria que Conta", "city": "Recife"}
    assert (await hub.administer("POST", "/admin/merchants", merchant))[0] == 201
    pix_key = {"kind": "evp", "key": "9a1b6f0e-2f4b-4a53-8d0e-6a1f2b3c4d5e"}
    assert (await hub.administer("PUT", f"/admin/merchants/{slug}/pix-key", pix_key))[0] == 200
    assert await hub.connect(slug) == 200
    items = [{"nome": "Pão", "quantidade": 1, "preco_unitario": 1}]
    links = {
        outcome: await new_link(hub, padaria_slug=slug, items=items)
        for outcome in ("pending", "in_process", "rejected", "approved", "cancelled")
    }
    for outcome in ("in_process", "rejected", "approved"):
        await pay(hub, links[outcome], outcome)
        await until_status(hub, until, links[outcome], outcome)
    assert (await ask(hub, "POST", f"/payments/api/{links['cancelled']['payment_id']}/cancel/"))[0] == 200
    _, created = await ask(hub, "POST", "/payments/pix", {"value": 1, "padaria_slug": slug})
    waiting = {links["pending"]["payment_id"], created["payment"]["id"]}

    async def list_is_whole():
        _, everything = await ask(hub, "GET", f"/payments/api/pending/?padaria_slug={slug}&status=all")
        counted = {payment["payment_id"]: payment["status"] for payment in everything["payments"]}
        expected = {link["payment_id"]: outcome for outcome, link in links.items()}
        return counted == {**expected, created["payment"]["id"]: "pending"}

    await until(list_is_whole, "every payment is listed with its status")
    _, listed = await ask(hub, "GET", f"/payments/api/pending/?padaria_slug={slug}")
    assert {payment["payment_id"] for payment in listed["payments"]} == waiting

    async def is_counted():
        _, answer = await ask(hub, "POST", "/payments/api/sync-pending/", {"padaria_slug": slug})
        return (answer["total_pending"], answer["synced_count"]) == (3, 3)

    await until(is_counted, "the link, the one in process and the rejected one are counted")


@claim("sync-pending.body", "sync-pending.counts", "sync-pending.updated")
async def test_synchronisation_matches_reference_sample(hub, until, only_when_asked):
    link = await new_link(hub)
    await until_listed(hub, until, [link["payment_id"]])
    await pay(hub, link, "approved")
    answer, moved = await until_moved(hub, until, [link])
    expected = json.loads(SYNC)
    assert shape(answer) == shape(expected)
    assert (answer["padaria"], answer["approved_count"]) == (expected["padaria"], len(answer["updated_payments"]))
    assert answer["synced_count"] == answer["total_pending"] >= 1
    assert moved[link["payment_id"]] == {
        "payment_id": link["payment_id"],
        "old_status": "pending",
        "new_status": "approved",
        "amount": 35.0,
        "description": "10x Pão Francês, 1x Bolo de Chocolate",
    }


@claim("status.in-process", "sync-pending.asks")
async def test_synchronisation_covers_in_process_and_rejected(hub, until, only_when_asked):
    reviewed, refused = await new_link(hub), await new_link(hub)
    for link, status in ((reviewed, "in_process"), (refused, "rejected")):
        await pay(hub, link, status)
        await until_status(hub, until, link, status)
        await until_listed(hub, until, [link["payment_id"]], status=status)
        await pay(hub, link, "approved")
    _, moved = await until_moved(hub, until, [reviewed, refused])
    assert [(moved[link["payment_id"]]["old_status"]) for link in (reviewed, refused)] == ["in_process", "rejected"]
    assert {moved[link["payment_id"]]["new_status"] for link in (reviewed, refused)} == {"approved"}


@claim("start-monitor.starts", "start-monitor.answer")
async def test_started_monitor_matches_reference_sample(hub):
    [number] = await links_whose_monitor_is_over(hub, 1)
    status, answer = await ask(hub, "POST", f"/payments/api/monitor/{number}/start/")
    assert status == 200
    assert answer == {**json.loads(STARTED), "payment_id": number}


@claim("list-monitors.answer")
async def test_active_monitors_match_reference_sample(hub, until):
    links = [await new_link(hub) for _ in range(3)]

    async def are_active():
        status, answer = await ask(hub, "GET", "/payments/api/monitors/")
        assert status == 200
        return answer if {link["payment_id"] for link in links} <= set(answer["payment_ids"]) else None

    answer = await until(are_active, "the links are watched")
    # Additional to the reference: the accounts of the named merchant.
    assert answer.pop("accounts") == []
    assert shape(answer) == shape(json.loads(MONITORS))
    assert answer["active_count"] == len(answer["payment_ids"])


@claim("start-all.starts", "start-all.answer")
async def test_starting_all_monitors_matches_reference_without_cap(hub, until):
    numbers = await links_whose_monitor_is_over(hub, 25)
    started = 0

    async def all_started():
        # A link that the read model does not have yet is started by the next call.
        nonlocal started
        status, answer = await ask(hub, "POST", "/payments/api/monitors/start-all/", NAMED)
        assert status == 200
        assert shape(answer) == shape(json.loads(STARTED_ALL))
        assert answer["padaria_slug"] == MERCHANT
        started += answer["monitors_started"]
        return started >= len(numbers)

    await until(all_started, "each of them is started and counted")

    async def are_active():
        _, monitors = await ask(hub, "GET", f"/payments/api/monitors/?padaria_slug={MERCHANT}")
        return set(numbers) <= set(monitors["payment_ids"])

    await until(are_active, "each of them is watched")


@claim("monitor.starts")
async def test_link_is_watched_for_ten_minutes(hub):
    link = await new_link(hub)
    [watch] = [event for event in await hub.events(link["payment_id"]) if event["type"] == "WatchStarted"]
    lasts = datetime.fromisoformat(watch["data"]["watch_until"]) - datetime.fromisoformat(watch["time"])
    assert abs(lasts - timedelta(minutes=10)) < timedelta(seconds=0.1)


@claim("monitor.final")
async def test_rejected_payment_is_still_watched(hub, until):
    link = await new_link(hub)
    await pay(hub, link, "rejected")
    await until_status(hub, until, link, "rejected")
    await until_listed(hub, until, [link["payment_id"]], status="rejected")
    _, monitors = await ask(hub, "GET", "/payments/api/monitors/")
    assert link["payment_id"] in monitors["payment_ids"]


@claim("check.missing", "errors.payment", "errors.padaria", "errors.not-configured", "errors.body")
@pytest.mark.parametrize(
    ("method", "path", "body", "status", "code", "sample"),
    [
        ("GET", "check/999/", None, 404, "payment_not_found", NO_PAYMENT),
        ("POST", "check/999/", None, 404, "payment_not_found", NO_PAYMENT),
        ("POST", "monitor/999/start/", None, 404, "payment_not_found", NO_PAYMENT),
        ("GET", "pending/?padaria_slug=slug-invalido", None, 400, "merchant_not_found", NO_PADARIA),
        ("POST", "sync-pending/", {"padaria_slug": "slug-invalido"}, 400, "merchant_not_found", NO_PADARIA),
        ("POST", "monitors/start-all/", {"padaria_slug": "slug-invalido"}, 400, "merchant_not_found", NO_PADARIA),
        ("POST", "generate-link/", {"padaria_slug": "slug-invalido"}, 400, "merchant_not_found", NO_PADARIA),
        (
            "POST",
            "generate-link/",
            {"padaria_slug": "sem-mp", "items": [{"nome": "Pão", "quantidade": 1, "preco_unitario": 1}]},
            400,
            "provider_not_connected",
            NOT_CONNECTED,
        ),
        ("POST", "sync-pending/", {"padaria_slug": "sem-mp"}, 400, "provider_not_connected", NOT_CONNECTED),
        ("POST", "monitors/start-all/", {"padaria_slug": "sem-mp"}, 400, "provider_not_connected", NOT_CONNECTED),
    ],
)
async def test_error_matches_reference_sample_with_code(hub, method, path, body, status, code, sample):
    if code == "provider_not_connected":
        merchant = {"slug": "sem-mp", "name": "Padaria sem Mercado Pago", "city": "Recife"}
        assert (await hub.administer("POST", "/admin/merchants", merchant))[0] in {200, 201}
    answered, answer = await ask(hub, method, f"/payments/api/{path}", body)
    assert (answered, answer) == (status, {**json.loads(sample), "code": code})


@claim(
    "check.status",
    "status.pending",
    "status.approved",
    "status.authorized",
    "status.in-process",
    "status.rejected",
    "status.cancelled",
    "status.refunded",
    "status.in-mediation",
    "status.charged-back",
)
@pytest.mark.parametrize(
    ("outcomes", "status", "label"),
    [
        ([], "pending", "Pendente"),
        (["approved"], "approved", "Aprovado"),
        (["authorized"], "authorized", "Autorizado"),
        (["in_process"], "in_process", "Em Processamento"),
        (["rejected"], "rejected", "Rejeitado"),
        (["merchant_cancels"], "cancelled", "Cancelado"),
        (["approved", "refunded"], "refunded", "Estornado"),
        (["approved", "in_mediation"], "in_mediation", "Em Mediação"),
        (["approved", "charged_back"], "charged_back", "Contestado"),
    ],
)
async def test_every_status_has_reference_label(hub, until, outcomes, status, label):
    link = await new_link(hub)
    if outcomes == ["authorized"]:
        await authorize(hub, link)
    elif outcomes == ["merchant_cancels"]:
        await hub.post(f"/payments/api/{link['payment_id']}/cancel/", {})
    else:
        await pay(hub, link, *outcomes)
    answer = await until_status(hub, until, link, status)
    assert answer["status_label"] == label
    listed = await until_listed(hub, until, [link["payment_id"]], status=status)
    assert {payment["status_label"] for payment in listed["payments"]} == {label}


async def authorize(hub, link):
    """Pay with a card that is authorised and not captured; the checkout has no such outcome."""
    body = {
        "transaction_amount": link["total"],
        "external_reference": link["external_reference"],
        "capture": False,
        "payment_method_id": "visa",
        "token": "card-token",
        "installments": 1,
        "payer": {"email": "cliente@email.com"},
    }
    headers = {"Authorization": f"Bearer {SANDBOX_TOKEN}", "X-Idempotency-Key": link["external_reference"]}
    async with hub.session.post(f"{hub.sandbox_url}/v1/payments", json=body, headers=headers) as answer:
        assert answer.status == 201, await answer.text()


# --- webhook and return page ----------------------------------------------------------------------


@claim("webhook.notification")
async def test_signed_webhook_at_reference_address_is_processed(hub, until, only_when_asked):
    link = await new_link(hub)
    attempt = await pay(hub, link, "approved")
    notification = {"type": "payment", "user_id": 174087000, "data": {"id": str(attempt["id"])}}
    ts = int(time.time())
    manifest = f"id:{attempt['id']};request-id:a-request;ts:{ts};"
    signature = hmac.new(WEBHOOK_SECRET.encode(), manifest.encode(), hashlib.sha256).hexdigest()
    headers = {"x-request-id": "a-request", "x-signature": f"ts={ts},v1={signature}"}
    address = f"{hub.url}/webhooks/mercadopago/?type=payment&data.id={attempt['id']}"
    async with hub.session.post(address, json=notification, headers=headers) as answer:
        assert (answer.status, await answer.json()) == (200, {"success": True})

    async def is_found():
        return [event for event in await hub.events(link["payment_id"]) if event["type"] == "StatusChanged"]

    [change] = await until(is_found, "the notification is processed")
    assert (change["data"]["status"], change["source"]) == ("approved", "webhook")


@claim(
    "return-page.approved", "return-page.pending", "return-page.rejected", "return-page.records", "return-page.shows"
)
@pytest.mark.parametrize(
    ("outcome", "title"),
    [
        ("approved", "Pagamento aprovado"),
        ("pending", "Aguardando a confirmação"),
        ("rejected", "Pagamento não aprovado"),
    ],
)
async def test_return_page_shows_real_status_for_any_address(hub, only_when_asked, outcome, title):
    link = await new_link(hub)
    await pay(hub, link, outcome)
    for status in ("approved", "pending", "rejected"):
        address = f"{hub.url}/payments/mp/return/?status={status}&payment_id={link['payment_id']}"
        async with hub.session.get(address) as page:
            assert page.status == 200
            assert f">{title}</h1>" in await page.text()


# --- the flow for a frontend ----------------------------------------------------------------------


@claim("flows.batch")
async def test_reference_batch_snippet_sees_approval(hub, until, only_when_asked, node):
    link = await new_link(hub)
    await until_listed(hub, until, [link["payment_id"]])
    script = (PAGE + BATCH_SNIPPET).replace("sua-padaria", MERCHANT)
    process = await asyncio.create_subprocess_exec(
        node, "-", hub.url, stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE
    )
    try:
        assert process.stdin
        assert process.stdout
        process.stdin.write(script.encode())
        process.stdin.close()
        await pay(hub, link, "approved")
        async with within(15):
            noticed = json.loads(await process.stdout.readline())
    finally:
        process.kill()
        await process.wait()
    assert noticed["payment_id"] == link["payment_id"]
    assert (noticed["old_status"], noticed["new_status"], noticed["amount"]) == ("pending", "approved", 35.0)
