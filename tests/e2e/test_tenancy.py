"""No key reads another tenant's resources: the lists here have every registered route.

A new route fails the tests until it is in one of the lists.
"""

from __future__ import annotations

import asyncio
import hmac
import json
from dataclasses import astuple, dataclass
from typing import TYPE_CHECKING, Any

import aiohttp
import pytest

from extrato.store.payer_secrets import IN_USE
from services.gateway.app import create_app
from services.gateway.gateway import GATEWAY
from services.gateway.http.payer_tokens import TOKEN_LENGTH
from services.gateway.routes import NOT_FOUND, ROUTES, SOCKET_IO
from tests.compatibility.claim import claim

if TYPE_CHECKING:
    from collections.abc import Callable

MERCHANT = "padaria-do-marcos"
SECRET = "encomenda-secreta-de-ninguem"
EMAIL = "freguesa@example.com"
MISSING_ID = 999_999


@dataclass(frozen=True)
class Things:
    """Resources of the first merchant, or (for comparison) resources that do not exist."""

    number: int
    slug: str
    bank_payment_id: str
    product: str = "Pão Francês"
    key_id: str = "00000000"


Walk = tuple[str, dict[str, Any] | None]

# Requests of another tenant for the first merchant's resources. The response must equal the one for missing
# resources, and the request must record nothing.
FOREIGN: dict[tuple[str, str], Callable[[Things], Walk]] = {
    ("POST", "/payments/pix"): lambda a: ("/payments/pix", {"value": 1, "padaria_slug": a.slug}),
    ("POST", "/payments/pix/confirmation"): lambda a: (
        "/payments/pix/confirmation",
        {"bank_payment_id": a.bank_payment_id, "value": 7.5},
    ),
    ("GET", "/payments/pix/{payment_id}"): lambda a: (f"/payments/pix/{a.number}", None),
    ("POST", "/payments/api/generate-link/"): lambda a: (
        "/payments/api/generate-link/",
        {"padaria_slug": a.slug, "items": [{"nome": "x", "quantidade": 1, "preco_unitario": 1}]},
    ),
    ("POST", "/payments/api/cart/"): lambda a: (
        "/payments/api/cart/",
        {
            "padaria_slug": a.slug,
            "items": [{"nome": "x", "quantidade": 1, "preco_unitario": 1}],
            "customer": {"email": "a@testuser.com"},
        },
    ),
    ("GET", "/payments/api/check/{payment_id}/"): lambda a: (f"/payments/api/check/{a.number}/", None),
    ("POST", "/payments/api/check/{payment_id}/"): lambda a: (f"/payments/api/check/{a.number}/", {}),
    ("GET", "/payments/api/pending/"): lambda a: (f"/payments/api/pending/?padaria_slug={a.slug}&status=all", None),
    ("POST", "/payments/api/sync-pending/"): lambda a: ("/payments/api/sync-pending/", {"padaria_slug": a.slug}),
    ("POST", "/payments/api/monitor/{payment_id}/start/"): lambda a: (
        f"/payments/api/monitor/{a.number}/start/",
        {},
    ),
    ("GET", "/payments/api/monitors/"): lambda a: (f"/payments/api/monitors/?padaria_slug={a.slug}", None),
    ("POST", "/payments/api/monitors/start-all/"): lambda a: (
        "/payments/api/monitors/start-all/",
        {"padaria_slug": a.slug},
    ),
    ("GET", "/payments/api/{payment_id}/events/"): lambda a: (f"/payments/api/{a.number}/events/", None),
    ("GET", "/payments/api/{payment_id}/evidence/{digest}/"): lambda a: (
        f"/payments/api/{a.number}/evidence/{'0' * 64}/",
        None,
    ),
    ("POST", "/payments/api/{payment_id}/cancel/"): lambda a: (f"/payments/api/{a.number}/cancel/", {}),
    ("POST", "/payments/api/{payment_id}/refund/"): lambda a: (f"/payments/api/{a.number}/refund/", {"all": True}),
    ("POST", "/payments/api/{payment_id}/accept/"): lambda a: (f"/payments/api/{a.number}/accept/", {}),
    ("POST", "/payments/api/{payment_id}/alerts/{alert}/resolve/"): lambda a: (
        f"/payments/api/{a.number}/alerts/late_payment/resolve/",
        {"reason": "x"},
    ),
    ("POST", "/payments/pix/{payment_id}/returned"): lambda a: (
        f"/payments/pix/{a.number}/returned",
        {"return_id": "D1", "amount": 1, "returned_at": "2026-01-12T10:00:00Z"},
    ),
    ("GET", "/payments/mp/pay/{payment_id}/"): lambda a: (f"/payments/mp/pay/{a.number}/", None),
    ("GET", "/payments/mp/return/"): lambda a: (
        f"/payments/mp/return/?status=approved&payment_id={a.number}&external_reference=extrato_{a.number}_000000000000",
        None,
    ),
    ("POST", "/v1/payments"): lambda a: (f"/v1/payments?merchant={a.slug}", {"method": "pix", "amount_centavos": 1}),
    ("GET", "/v1/payments"): lambda a: (f"/v1/payments?merchant={a.slug}", None),
    ("GET", "/v1/payments/{payment_id}"): lambda a: (f"/v1/payments/{a.number}", None),
    ("POST", "/v1/payments/{payment_id}/verify"): lambda a: (f"/v1/payments/{a.number}/verify", {}),
    ("POST", "/v1/payments/{payment_id}/cancel"): lambda a: (f"/v1/payments/{a.number}/cancel", {}),
    ("GET", "/v1/payments/{payment_id}/events"): lambda a: (f"/v1/payments/{a.number}/events", None),
    ("POST", "/v1/payments/{payment_id}/refunds"): lambda a: (f"/v1/payments/{a.number}/refunds", {"all": True}),
    ("GET", "/v1/payments/{payment_id}/refunds"): lambda a: (f"/v1/payments/{a.number}/refunds", None),
    ("GET", "/v1/payments/{payment_id}/refunds/{refund_id}"): lambda a: (f"/v1/payments/{a.number}/refunds/x", None),
    ("GET", "/v1/payments/{payment_id}/alerts"): lambda a: (f"/v1/payments/{a.number}/alerts", None),
    ("POST", "/v1/payments/{payment_id}/alerts/{alert}/resolve"): lambda a: (
        f"/v1/payments/{a.number}/alerts/late_payment/resolve",
        {"reason": "x"},
    ),
    ("GET", "/v1/merchant"): lambda a: (f"/v1/merchant?merchant={a.slug}", None),
    ("PATCH", "/v1/merchant"): lambda a: (f"/v1/merchant?merchant={a.slug}", {"name": "Outra"}),
    ("PUT", "/v1/merchant/logo"): lambda a: (f"/v1/merchant/logo?merchant={a.slug}", None),
    ("DELETE", "/v1/merchant/logo"): lambda a: (f"/v1/merchant/logo?merchant={a.slug}", None),
    ("GET", "/v1/api_keys"): lambda a: (f"/v1/api_keys?merchant={a.slug}", None),
    ("POST", "/v1/api_keys"): lambda a: (f"/v1/api_keys?merchant={a.slug}", {"scopes": ["payments:read"]}),
    ("DELETE", "/v1/api_keys/{key_id}"): lambda a: (f"/v1/api_keys/{a.key_id}?merchant={a.slug}", None),
    ("GET", "/v1/statement"): lambda a: (
        f"/v1/statement?from=2026-11-30&to=2026-11-30&merchant={a.slug}",
        None,
    ),
    ("GET", "/ws"): lambda a: (f"/ws?payment_id={a.number}", None),
    ("GET", "/metrics"): lambda _: ("/metrics", None),
    ("GET", "/admin/merchants/{merchant}"): lambda a: (f"/admin/merchants/{a.slug}", None),
    ("PATCH", "/admin/merchants/{merchant}"): lambda a: (f"/admin/merchants/{a.slug}", {"name": "Outra"}),
    ("PUT", "/admin/merchants/{merchant}/pix-key"): lambda a: (
        f"/admin/merchants/{a.slug}/pix-key",
        {"kind": "email", "key": "ladra@example.com"},
    ),
    ("DELETE", "/admin/merchants/{merchant}/pix-key"): lambda a: (f"/admin/merchants/{a.slug}/pix-key", None),
    ("PUT", "/admin/merchants/{merchant}/providers/{provider}"): lambda a: (
        f"/admin/merchants/{a.slug}/providers/mercado_pago",
        {"access_token": "APP_USR-stolen", "webhook_secret": "s" * 32},
    ),
    ("DELETE", "/admin/merchants/{merchant}/providers/{provider}"): lambda a: (
        f"/admin/merchants/{a.slug}/providers/mercado_pago",
        None,
    ),
    ("PUT", "/admin/merchants/{merchant}/providers/{provider}/webhook-secret"): lambda a: (
        f"/admin/merchants/{a.slug}/providers/mercado_pago/webhook-secret",
        {"webhook_secret": "s" * 32},
    ),
    ("PUT", "/admin/merchants/{merchant}/products/{product}"): lambda a: (
        f"/admin/merchants/{a.slug}/products/{a.product}",
        {"price": 0.01},
    ),
    ("DELETE", "/admin/merchants/{merchant}/products/{product}"): lambda a: (
        f"/admin/merchants/{a.slug}/products/{a.product}",
        None,
    ),
    ("POST", "/admin/merchants/{merchant}/forget"): lambda a: (
        f"/admin/merchants/{a.slug}/forget",
        {"payment_id": a.number, "reason": "not_needed", "dry_run": False},
    ),
    ("POST", "/admin/merchants/{merchant}/payments/{payment_id}/hold"): lambda a: (
        f"/admin/merchants/{a.slug}/payments/{a.number}/hold",
        {"reason": "litigation"},
    ),
    ("DELETE", "/admin/merchants/{merchant}/payments/{payment_id}/hold"): lambda a: (
        f"/admin/merchants/{a.slug}/payments/{a.number}/hold",
        None,
    ),
    ("POST", "/admin/merchants/{merchant}/api-keys"): lambda a: (
        f"/admin/merchants/{a.slug}/api-keys",
        {"scopes": ["payments:read"]},
    ),
    ("GET", "/admin/merchants/{merchant}/api-keys"): lambda a: (f"/admin/merchants/{a.slug}/api-keys", None),
    ("DELETE", "/admin/merchants/{merchant}/api-keys/{key_id}"): lambda a: (
        f"/admin/merchants/{a.slug}/api-keys/{a.key_id}",
        None,
    ),
}

# Routes with the same response for every client, or with other credentials than a key; each with its reason.
OPEN_TO_ALL: dict[tuple[str, str], str] = {
    ("GET", "/payments/pix/qr_code/{file_name}"): "named by the unguessable bank_payment_id",
    ("GET", "/assets/{asset}"): "stylesheet and scripts",
    ("GET", "/logos/{logo}"): "pictures that every payer sees, named by their digest",
    ("GET", "/docs/errors"): "the error catalogue",
    ("GET", "/webhooks/mercadopago/"): "answers 200 and reads nothing",
    ("GET", "/webhooks/mercadopago/{merchant}/"): "answers 200 and reads nothing",
    ("POST", "/webhooks/mercadopago/"): "trusts only the merchant's signature",
    ("POST", "/webhooks/mercadopago/{merchant}/"): "trusts only the merchant's signature",
    ("GET", "/healthz"): "no merchant's data",
    ("GET", "/readyz"): "no merchant's data",
    ("GET", "/openapi.json"): "the description of this interface",
    ("*", "/socket.io/"): "each client shows its key or token when it connects: see test_socket_io.py",
    ("*", "/{anything:.*}"): "unknown route",
}

# Routes that list the caller's own resources: the response must have nothing of the other tenant.
OWN_ONLY: dict[tuple[str, str], Walk] = {
    ("GET", "/admin/merchants"): ("/admin/merchants", None),
    ("POST", "/admin/merchants"): ("/admin/merchants", {"slug": "loja-furtiva", "name": "Loja", "city": "Recife"}),
}


def _registered() -> set[tuple[str, str]]:
    """Return the routes of the application itself, not of the list that it is built from."""
    app = create_app(object())  # type: ignore[arg-type]
    assert app[GATEWAY] is not None
    names = set()
    for route in app.router.routes():
        if route.method == "HEAD":
            continue
        resource = route.resource
        assert resource is not None
        canonical = resource.canonical
        [listed] = [
            r
            for r in (*ROUTES, SOCKET_IO, NOT_FOUND)
            if canonical in map(_canonical, r.paths) and r.method == route.method
        ]
        names.add((listed.method, listed.path))
    return names


def _canonical(path: str) -> str:
    return path.replace("{slash:/?}", "{slash}").replace("{anything:.*}", "{anything}")


def test_every_route_is_tested_or_exempt():
    listed = FOREIGN.keys() | OPEN_TO_ALL.keys() | OWN_ONLY.keys()
    assert len(listed) == len(FOREIGN) + len(OPEN_TO_ALL) + len(OWN_ONLY)
    assert _registered() == listed


def test_open_routes_are_listed_explicitly():
    scoped = {(route.method, route.path) for route in ROUTES if route.scope is not None}
    assert not scoped & OPEN_TO_ALL.keys()


@pytest.fixture
async def things(hub) -> Things:
    """A direct Pix and a link of the first merchant, with texts that no other tenant may read."""
    status, created = await hub.post("/payments/pix", {"value": 7.5, "description": SECRET, "payer": {"email": EMAIL}})
    assert status == 201
    payment = created["payment"]
    return Things(number=payment["id"], slug=MERCHANT, bank_payment_id=payment["bank_payment_id"])


async def _ask(hub, method: str, walk: Walk, headers: dict[str, str]) -> tuple[int, str]:
    path, body = walk
    # Problems have the id of their request.
    headers = {"X-Correlation-Id": "tenancy", **headers}
    async with hub.session.request(method, hub.url + path, json=body, headers=headers, allow_redirects=False) as answer:
        return answer.status, await answer.text()


def _missing() -> Things:
    return Things(number=MISSING_ID, slug="loja-que-nao-existe", bank_payment_id="00000000-000f-8000-8000-0123456789ab")


@claim("pix-confirmation.body", "check.missing")
@pytest.mark.parametrize("name", FOREIGN, ids=" ".join)
async def test_other_tenants_resource_is_answered_like_missing_one(hub, other_merchant, things, name):
    headers = _other_tenants_headers(other_merchant, name)
    before = await _events_of_all(hub)
    status, text = await _ask(hub, name[0], FOREIGN[name](things), headers)
    missing_status, missing_text = await _ask(hub, name[0], FOREIGN[name](_missing()), headers)

    assert status in {400, 403, 404}, text
    assert (status, text) == (missing_status, _without_requested_names(things, missing_text))
    for word in (SECRET, EMAIL, things.bank_payment_id):
        assert word not in text
    assert await _events_of_all(hub) == before


def _other_tenants_headers(other_merchant, name: tuple[str, str]) -> dict[str, str]:
    """Return the key with which the other tenant reads its own resources."""
    is_for_admins = any((route.method, route.path) == name and route.scope == "admin" for route in ROUTES)
    key = other_merchant.admin_key if is_for_admins else other_merchant.api_key
    return {"Authorization": f"Bearer {key}"}


def _without_requested_names(things: Things, missing_text: str) -> str:
    """Replace the names that the request itself has, so that responses can be compared."""
    for named, missing in zip(astuple(things), astuple(_missing()), strict=True):
        missing_text = missing_text.replace(str(missing), str(named))
    return missing_text


async def _events_of_all(hub) -> list[dict[str, Any]]:
    """Return the events of the log, except those that the hub records on its own meanwhile."""
    return [row for row in await hub.log_rows() if row["actor"] in {"api_key", "bank", "check", "return_page"}]


@claim("errors.access")
@pytest.mark.parametrize("name", FOREIGN, ids=" ".join)
async def test_request_without_key_gets_no_resource(hub, things, name):
    status, text = await _ask(hub, name[0], FOREIGN[name](things), {})
    assert status in {401, 404}, text
    assert SECRET not in text
    assert EMAIL not in text


@claim("list-monitors.answer")
@pytest.mark.parametrize("name", OWN_ONLY, ids=" ".join)
async def test_list_has_no_rows_of_other_tenants(hub, other_merchant, name):
    headers = {"Authorization": f"Bearer {other_merchant.admin_key}"}
    status, text = await _ask(hub, name[0], OWN_ONLY[name], headers)
    assert status in {200, 403}, text
    assert MERCHANT not in text


async def test_other_tenant_sees_only_its_own_lists_and_counts(hub, other_merchant, until):
    link = await hub.link()
    headers = {"Authorization": f"Bearer {other_merchant.api_key}"}

    async def is_watched():
        _, monitors = await hub.get("/payments/api/monitors/")
        return link["payment_id"] in monitors["payment_ids"]

    await until(is_watched, "the watch is listed for its merchant")
    _, text = await _ask(hub, "GET", ("/payments/api/monitors/", None), headers)
    assert json.loads(text) == {"success": True, "active_count": 0, "payment_ids": [], "accounts": []}
    _, text = await _ask(
        hub, "GET", (f"/payments/api/pending/?padaria_slug={other_merchant.slug}&status=all", None), headers
    )
    assert json.loads(text)["count"] == 0
    assert await hub.connect(other_merchant.slug) == 200
    _, text = await _ask(hub, "POST", ("/payments/api/sync-pending/", {"padaria_slug": other_merchant.slug}), headers)
    assert json.loads(text)["total_pending"] == 0


async def test_idempotency_keys_are_separate_per_merchant(hub, other_merchant):
    key = {"Idempotency-Key": "the-same-key"}
    _, ours = await hub.post("/payments/pix", {"value": 2}, key)
    headers = {"Authorization": f"Bearer {other_merchant.api_key}", **key}
    _, text = await _ask(hub, "POST", ("/payments/pix", {"value": 2}), headers)
    assert str(ours["payment"]["bank_payment_id"]) not in text


# --- payers -------------------------------------------------------------------------------------

ADMINISTERED = {
    "{merchant}": MERCHANT,
    "{provider}": "mercado_pago",
    "{product}": "x",
    "{key_id}": "00000000",
    "{digest}": "0" * 64,
    "{alert}": "late_payment",
    "{refund_id}": "x",
}
PAYER_ROUTES = [route for route in ROUTES if route.payer]


def _for_payer(path: str, number: int, token: str) -> str:
    asked = path.replace("{payment_id}", str(number))
    return f"{asked}?t={token}" if str(number) in asked else f"{asked}?payment_id={number}&t={token}"


@claim("generate-link.secure-checkout-url", "generate-link.status-check-url")
@pytest.mark.parametrize("route", PAYER_ROUTES, ids=lambda route: f"{route.method} {route.path}")
async def test_payer_token_opens_only_its_own_payment(hub, things, route):
    mine = await hub.link()
    token = mine["status_check_url"].partition("t=")[2]
    foreign = await _ask(hub, route.method, (_for_payer(route.path, things.number, token), None), {})
    without = await _ask(hub, route.method, (_for_payer(route.path, things.number, "0" * 32), None), {})
    missing = await _ask(hub, route.method, (_for_payer(route.path, MISSING_ID, token), None), {})
    assert foreign[0] == without[0] == missing[0]
    assert foreign[0] in {401, 404}
    assert SECRET not in foreign[1]


@pytest.mark.parametrize("route", PAYER_ROUTES, ids=lambda route: f"{route.method} {route.path}")
async def test_token_over_number_alone_is_rejected(hub, things, route):
    """Older versions made such tokens; this log has no payments of those versions."""
    async with hub.inside() as inside:
        key = hmac.digest(await inside.vault.secret(IN_USE), b"extrato payer tokens", "sha256")
    token = hmac.digest(key, str(things.number).encode(), "sha256").hex()[:TOKEN_LENGTH]
    answer = await _ask(hub, route.method, (_for_payer(route.path, things.number, token), None), {})
    wrong = await _ask(hub, route.method, (_for_payer(route.path, things.number, "0" * 32), None), {})
    assert answer == wrong
    assert answer[0] in {401, 404}


@pytest.mark.parametrize("route", [r for r in ROUTES if r.scope and not r.payer], ids=lambda r: f"{r.method} {r.path}")
async def test_payer_token_opens_only_payer_routes(hub, route):
    mine = await hub.link()
    token = mine["status_check_url"].partition("t=")[2]
    path = _for_payer(route.path, mine["payment_id"], token)
    for name, value in ADMINISTERED.items():
        path = path.replace(name, value)
    status, _ = await _ask(hub, route.method, (path, {} if route.method != "GET" else None), {})
    assert status == 401


async def test_payer_cannot_listen_to_merchant(hub):
    mine = await hub.link()
    token = mine["status_check_url"].partition("t=")[2]
    for query in (
        {"padaria_slug": MERCHANT, "t": token},
        {"padaria_slug": MERCHANT, "payment_id": str(mine["payment_id"]), "t": token},
    ):
        with pytest.raises(aiohttp.WSServerHandshakeError) as refused:
            await hub.session.ws_connect(f"{hub.url}/ws", params=query)
        assert refused.value.status in {400, 401}


@claim("check.payer-email")
async def test_payer_sees_no_e_mail_and_no_merchant_data(hub):
    mine = await hub.link(payer_email=EMAIL)
    async with hub.session.get(mine["status_check_url"]) as answer:
        seen = await answer.json()
    assert (answer.status, seen["payer_email"]) == (200, None)
    async with hub.session.get(f"{hub.url}/payments/pix/{mine['payment_id']}?t=x") as answer:
        assert EMAIL not in await answer.text()


async def test_tokens_are_unrelated(hub):
    links = await asyncio.gather(*(hub.link() for _ in range(5)))
    tokens = {link["status_check_url"].partition("t=")[2] for link in links}
    assert len(tokens) == 5
    assert all(len(token) == 32 for token in tokens)
