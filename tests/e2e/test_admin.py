"""The admin routes: hub keys administer all merchants, a merchant's key only its own."""

from __future__ import annotations

import hashlib
import hmac
import time
import unicodedata
from datetime import UTC, datetime, timedelta

import aiohttp
import pytest

from services.gateway.routes import ROUTES
from tests.running_hub import MERCHANT, SANDBOX_TOKEN, WEBHOOK_SECRET

ACCOUNT = "174087000"
CREDENTIAL = {"access_token": SANDBOX_TOKEN, "webhook_secret": WEBHOOK_SECRET}
ADMIN_ROUTES = [(route.method, route.path) for route in ROUTES if route.path.startswith("/admin/")]
BREAD = [{"nome": "Pão Francês", "quantidade": 2}]


@pytest.fixture
def path(other_merchant):
    return f"/admin/merchants/{other_merchant.slug}"


@pytest.fixture
async def connected(hub, path):
    """Connect the other merchant to the demo merchant's account for one test."""
    assert (await hub.administer("PUT", f"{path}/providers/mercado_pago", CREDENTIAL))[0] == 200
    yield
    assert (await hub.administer("DELETE", f"{path}/providers/mercado_pago"))[0] == 200


async def generate_link(hub, merchant, items=BREAD):
    body = {"padaria_slug": merchant.slug, "items": items}
    return await hub.post("/payments/api/generate-link/", body, {"Authorization": f"Bearer {merchant.api_key}"})


# --- merchants ------------------------------------------------------------------------------------


async def test_merchant_is_registered_shown_and_changed(hub, other_merchant, path):
    status, answer = await hub.administer("PATCH", path, {"city": "Olinda"})
    assert status == 200
    assert answer["merchant"] == {
        "slug": other_merchant.slug,
        "name": "Padaria da Ana",
        "city": "Olinda",
        "pix_key": {"kind": "evp", "key": "9a1b6f0e-2f4b-4a53-8d0e-6a1f2b3c4d5e"},
        "providers": [],
        "products": {"Pão Francês": 0.75},
    }
    assert await hub.administer("GET", path) == (200, answer)


async def test_identical_registration_is_quiet_other_one_is_rejected(hub, other_merchant):
    same = {"slug": other_merchant.slug, "name": "Padaria da Ana", "city": "Recife"}
    before = await hub.count_requested_events()
    assert (await hub.administer("POST", "/admin/merchants", same))[0] == 200
    assert await hub.count_requested_events() == before
    status, answer = await hub.administer("POST", "/admin/merchants", {**same, "name": "Outra"})
    assert (status, answer["code"]) == (409, "merchant_exists")


@pytest.mark.parametrize(
    ("body", "code"),
    [
        ({}, "missing_field"),
        ({"slug": "a", "name": "b"}, "missing_field"),
        ({"slug": "Padaria", "name": "b", "city": "c"}, "invalid_slug"),
        ({"slug": "a.b", "name": "b", "city": "c"}, "invalid_slug"),
        ({"slug": "extrato", "name": "b", "city": "c"}, "reserved_slug"),
        ({"slug": "a", "name": "🥖🥐", "city": "c"}, "invalid_merchant"),
        ({"slug": "a", "name": 5, "city": "c"}, "invalid_text"),
    ],
)
async def test_invalid_merchant_is_rejected(hub, body, code):
    before = await hub.count_requested_events()
    status, answer = await hub.administer("POST", "/admin/merchants", body)
    assert (status, answer["success"], answer["code"]) == (400, False, code)
    assert await hub.count_requested_events() == before


async def test_merchants_are_listed_in_pages_without_the_hub(hub, other_merchant, until):
    async def listed():
        slugs, after = [], ""
        while after is not None:
            _, page = await hub.administer("GET", f"/admin/merchants?limit=1&after={after}")
            assert page["count"] == len(page["merchants"]) <= 1
            slugs += [merchant["slug"] for merchant in page["merchants"]]
            after = page["next"]
        return slugs if other_merchant.slug in slugs else None

    slugs = await until(listed, "the read model has the merchant")
    assert slugs == sorted(set(slugs))
    assert MERCHANT in slugs
    assert "extrato" not in slugs
    status, answer = await hub.administer("GET", "/admin/merchants?after=%00")
    assert (status, answer["code"]) == (400, "invalid_slug")


# --- permissions-----------------------------------------------------------------------------------


def test_admin_routes_exist():
    assert len(ADMIN_ROUTES) == 17


@pytest.mark.parametrize(("method", "route"), ADMIN_ROUTES)
async def test_admin_routes_need_the_admin_scope(hub, method, route):
    asked = route.format(merchant=MERCHANT, provider="mercado_pago", product="x", key_id="x", payment_id=1)
    before = await hub.count_requested_events()
    status, answer = await hub.administer(method, asked, {}, key=hub.api_key)
    assert (status, answer["code"]) == (403, "forbidden")
    async with hub.session.request(method, hub.url + asked, json={}) as answered:
        assert answered.status == 401
    assert await hub.count_requested_events() == before


@pytest.mark.parametrize(("method", "route"), [each for each in ADMIN_ROUTES if "{merchant}" in each[1]])
async def test_other_merchant_is_answered_like_missing_one(hub, other_merchant, method, route):
    before = await hub.count_requested_events()
    answers = []
    for slug in (MERCHANT, "nobody", "extrato"):
        asked = route.format(merchant=slug, provider="mercado_pago", product="x", key_id="x", payment_id=1)
        status, answer = await hub.administer(method, asked, {"price": 1}, key=other_merchant.admin_key)
        answers.append((status, answer["code"], answer["error"].replace(slug, "")))
    assert answers == [(404, "unknown_merchant", "Padaria '' não encontrada")] * 3
    assert await hub.count_requested_events() == before


async def test_merchant_admin_key_administers_only_its_merchant(hub, other_merchant, path):
    key = other_merchant.admin_key
    assert (await hub.administer("PATCH", path, {"name": "Padaria da Ana e Filhas"}, key=key))[0] == 200
    _, listed = await hub.administer("GET", "/admin/merchants", key=key)
    assert [merchant["slug"] for merchant in listed["merchants"]] == [other_merchant.slug]
    body = {"slug": "mais-uma", "name": "a", "city": "b"}
    status, answer = await hub.administer("POST", "/admin/merchants", body, key=key)
    assert (status, answer["code"]) == (403, "forbidden")


async def test_hub_key_acts_for_all_merchants_within_its_scopes(hub, other_merchant):
    admin = {"Authorization": f"Bearer {hub.admin_key}"}
    for slug in (MERCHANT, other_merchant.slug):
        async with hub.session.get(f"{hub.url}/payments/api/pending/?padaria_slug={slug}", headers=admin) as answer:
            assert answer.status == 200
    status, answer = await hub.post("/payments/pix", {"value": 1, "padaria_slug": MERCHANT}, admin)
    assert (status, answer["code"]) == (403, "forbidden")


async def test_metrics_need_a_hub_key(hub, path):
    assert "extrato_http_requests_total" in await hub.metrics()
    status, answer = await hub.administer("POST", f"{path}/api-keys", {"scopes": ["metrics"]})
    assert (status, answer["code"]) == (400, "unknown_scope")


async def test_hub_is_not_a_merchant_on_any_route(hub):
    assert (await hub.administer("GET", "/admin/merchants/extrato"))[0] == 404
    assert (await hub.administer("GET", "/admin/merchants/extrato/api-keys"))[0] == 404
    status, _ = await hub.administer("POST", "/admin/merchants/extrato/api-keys", {"scopes": ["admin"]})
    assert status == 404
    admin = {"Authorization": f"Bearer {hub.admin_key}"}
    async with hub.session.get(f"{hub.url}/payments/api/pending/?padaria_slug=extrato", headers=admin) as answer:
        assert (answer.status, (await answer.json())["code"]) == (400, "merchant_not_found")
    with pytest.raises(aiohttp.WSServerHandshakeError) as refused:
        async with hub.session.ws_connect(f"{hub.url}/ws?padaria_slug=extrato", headers=admin):
            pass
    assert refused.value.status == 400


# --- Pix key and products -------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("kind", "key", "kept"),
    [
        ("cpf", "529.982.247-25", "52998224725"),
        ("cnpj", "12.ABC.345/01DE-35", "12ABC34501DE35"),
        ("phone", "(11) 98765-4321", "+5511987654321"),
        ("email", "Ana@Example.com", "ana@example.com"),
    ],
)
async def test_pix_uses_the_configured_key(hub, other_merchant, path, kind, key, kept):
    status, answer = await hub.administer("PUT", f"{path}/pix-key", {"kind": kind, "key": key})
    assert (status, answer["merchant"]["pix_key"]) == (200, {"kind": kind, "key": kept})
    bearer = {"Authorization": f"Bearer {other_merchant.api_key}"}
    status, created = await hub.post("/payments/pix", {"value": 1}, bearer)
    assert status == 201
    assert kept in created["payload"]


async def test_pix_without_key_is_rejected(hub, other_merchant, path):
    assert (await hub.administer("DELETE", f"{path}/pix-key"))[1]["merchant"]["pix_key"] is None
    assert (await hub.administer("DELETE", f"{path}/pix-key"))[0] == 200
    bearer = {"Authorization": f"Bearer {other_merchant.api_key}"}
    status, answer = await hub.post("/payments/pix", {"value": 1}, bearer)
    assert (status, answer["code"]) == (400, "provider_not_connected")


@pytest.mark.parametrize(
    ("kind", "key", "code"),
    [
        ("cpf", "529.982.247-26", "pix_key_wrong_check_digits"),
        ("telex", "4002-8922", "pix_key_unknown_kind"),
        ("email", "ana-sem-arroba", "pix_key_invalid_email"),
        ("evp", "9a1b6f0e", "pix_key_invalid_evp"),
    ],
)
async def test_invalid_pix_key_is_rejected_and_never_echoed(hub, path, kind, key, code):
    status, answer = await hub.administer("PUT", f"{path}/pix-key", {"kind": kind, "key": key})
    assert (status, answer["code"]) == (400, code)
    assert key not in str(answer)
    assert key not in hub.logs()


async def test_product_has_price_until_withdrawn(hub, other_merchant, path, connected):
    for name, price in (("Bolo 50% cacau/nozes", 30), ("Pão Francês", 0.8)):
        quoted = name.replace("%", "%25").replace("/", "%2F")
        status, answer = await hub.administer("PUT", f"{path}/products/{quoted}", {"price": price})
        assert (status, answer["merchant"]["products"][name]) == (200, price)
    _, link = await generate_link(hub, other_merchant)
    assert link["total"] == 1.6
    combining = unicodedata.normalize("NFD", "Pão Francês")
    _, link = await generate_link(hub, other_merchant, [{"nome": combining, "quantidade": 1}])
    assert link["items"] == [{"nome": "Pão Francês", "quantidade": 1, "preco_unitario": 0.8, "subtotal": 0.8}]
    for name in (combining, "Pão Francês"):
        assert (await hub.administer("DELETE", f"{path}/products/{name}"))[0] == 200
    status, answer = await generate_link(hub, other_merchant)
    assert (status, answer["code"]) == (400, "unknown_product")
    assert answer["error"] == "Produto 'Pão Francês' não encontrado"


@pytest.mark.parametrize(
    ("product", "message"),
    [
        ("Pao Frances", "Produto 'Pao Frances' não encontrado; o mais parecido é 'Pão Francês'"),
        ("Sonho", "Produto 'Sonho' não encontrado"),
        ("%ED%A0%80", None),
    ],
)
async def test_unknown_product_cannot_be_withdrawn(hub, path, product, message):
    before = await hub.count_requested_events()
    status, answer = await hub.administer("DELETE", f"{path}/products/{product}")
    assert (status, answer["code"]) == (400, "unknown_product")
    assert message in {None, answer["error"]}
    assert await hub.count_requested_events() == before


async def test_missing_price_is_named(hub, path):
    for body in ({}, {"price": None}):
        status, answer = await hub.administer("PUT", f"{path}/products/Sonho", body)
        assert (status, answer["code"], answer["error"]) == (400, "amount_missing", "Falta o campo 'price'")


@pytest.mark.parametrize(
    ("price", "code"),
    [(0, "amount_zero"), (-1, "amount_negative"), ("1", "amount_text"), (0.001, "amount_too_precise")],
)
async def test_invalid_price_is_rejected(hub, path, price, code):
    status, answer = await hub.administer("PUT", f"{path}/products/Bolo", {"price": price})
    assert (status, answer["code"]) == (400, code)


# --- providers ------------------------------------------------------------------------------------


async def test_connected_merchant_sells_disconnected_one_is_rejected(hub, other_merchant, path):
    status, answer = await generate_link(hub, other_merchant)
    assert (status, answer["error"]) == (400, "Mercado Pago não configurado para esta padaria")

    provider = f"{path}/providers/mercado_pago"
    for _ in range(2):
        status, answer = await hub.administer("PUT", provider, {**CREDENTIAL, "account_id": ACCOUNT})
        assert status == 200
    shown = {"provider": "mercado_pago", "account_id": ACCOUNT, "pix_api": "payments"}
    assert answer["merchant"]["providers"] == [shown]
    status, link = await generate_link(hub, other_merchant)
    assert (status, link["total"]) == (200, 1.5)

    status, answer = await hub.administer("PUT", provider, {**CREDENTIAL, "pix_api": "orders"})
    assert answer["merchant"]["providers"] == [{**shown, "pix_api": "orders"}]
    for _ in range(2):
        status, answer = await hub.administer("DELETE", provider)
        assert (status, answer["merchant"]["providers"]) == (200, [])
    status, answer = await generate_link(hub, other_merchant)
    assert (status, answer["error"]) == (400, "Mercado Pago não configurado para esta padaria")
    assert await hub.topics(other_merchant.slug, of="Provider") == [
        "ProviderConnected.v2",
        "ProviderCredentialRotated.v1",
        "ProviderDisconnected.v1",
    ]


@pytest.mark.parametrize(
    ("provider", "change", "status", "code"),
    [
        ("mercado_pago", {"access_token": "APP_USR-of-nobody"}, 400, "credential_not_accepted"),
        ("mercado_pago", {"account_id": "174087001"}, 400, "account_mismatch"),
        ("mercado_pago", {"access_token": "two words"}, 400, "invalid_credential"),
        ("mercado_pago", {"webhook_secret": "segredo-não-ascii"}, 400, "invalid_credential"),
        ("mercado_pago", {"webhook_secret": None}, 400, "missing_field"),
        ("mercado_pago", {"pix_api": "telex"}, 400, "unknown_pix_api"),
        ("pix", {}, 404, "unknown_provider"),
        ("nobody", {}, 404, "unknown_provider"),
        ("mercadopago", {}, 404, "unknown_provider"),
    ],
)
async def test_invalid_credential_is_rejected_and_not_stored(hub, path, other_merchant, provider, change, status, code):
    before = await hub.count_requested_events()
    answered, answer = await hub.administer("PUT", f"{path}/providers/{provider}", {**CREDENTIAL, **change})
    assert (answered, answer["code"]) == (status, code)
    assert await hub.count_requested_events() == before
    assert await hub.rows("SELECT 1 FROM credentials WHERE merchant = $1", other_merchant.slug) == []


async def test_end_of_the_token_is_shown_to_its_merchant_only(hub, other_merchant, path):
    provider = f"{path}/providers/mercado_pago"
    ends_at = (datetime.now(UTC) + timedelta(days=90)).replace(microsecond=0)
    for wrong in ("2027-05-31", "2020-01-01T00:00:00Z", "9999-12-31T23:59:59-12:00", 1_900_000_000):
        status, answer = await hub.administer("PUT", provider, {**CREDENTIAL, "token_expires_at": wrong})
        assert (status, answer["code"]) == (400, "invalid_token_expires_at")
    told = {**CREDENTIAL, "token_expires_at": ends_at.isoformat()}
    assert (await hub.administer("PUT", provider, told))[0] == 200
    other = hub.acting_for(other_merchant.slug, other_merchant.api_key)
    _, monitors = await other.get("/payments/api/monitors/")
    assert [datetime.fromisoformat(each["token_expires_at"]) for each in monitors["accounts"]] == [ends_at]
    _, monitors = await hub.get("/payments/api/monitors/")
    assert [each["token_expires_at"] for each in monitors["accounts"]] == [None]
    # A replacement without an end forgets the end before.
    assert (await hub.administer("PUT", provider, CREDENTIAL))[0] == 200
    _, monitors = await other.get("/payments/api/monitors/")
    assert [each["token_expires_at"] for each in monitors["accounts"]] == [None]
    assert (await hub.administer("DELETE", provider))[0] == 200


async def test_account_is_not_connected_without_provider_answer(hub, path, other_merchant):
    await hub.faults(error_rate=1)
    status, answer = await hub.administer("PUT", f"{path}/providers/mercado_pago", CREDENTIAL)
    assert (status, answer["code"]) == (503, "provider_unavailable")
    assert await hub.rows("SELECT 1 FROM credentials WHERE merchant = $1", other_merchant.slug) == []


def signed(secret: str) -> dict[str, str]:
    at = int(time.time())
    manifest = f"id:123;request-id:a-request;ts:{at};"
    digest = hmac.new(secret.encode(), manifest.encode(), hashlib.sha256).hexdigest()
    return {"x-signature": f"ts={at},v1={digest}", "x-request-id": "a-request"}


async def test_webhooks_are_verified_with_configured_secret(hub, other_merchant, path, connected):
    async def deliver(secret):
        url = f"{hub.url}/webhooks/mercadopago/{other_merchant.slug}/?type=payment&data.id=123"
        async with hub.session.post(url, json={}, headers=signed(secret)) as answer:
            return answer.status

    assert await deliver(WEBHOOK_SECRET) == 200
    for _ in range(2):
        secret = f"{path}/providers/mercado_pago/webhook-secret"
        assert (await hub.administer("PUT", secret, {"webhook_secret": "another-secret"}))[0] == 200
    assert await deliver("another-secret") == 200
    assert await deliver(WEBHOOK_SECRET) == 401
    assert await hub.topics(other_merchant.slug, of="Webhook") == ["WebhookSecretRotated.v1"]


async def test_webhook_secret_without_account_is_rejected(hub, path):
    secret = f"{path}/providers/mercado_pago/webhook-secret"
    status, answer = await hub.administer("PUT", secret, {"webhook_secret": "another-secret"})
    assert (status, answer["code"]) == (400, "provider_not_connected")


# --- API keys -------------------------------------------------------------------------------------


async def test_key_is_shown_once_and_revoked_within_two_seconds(hub, other_merchant, path, until):
    status, created = await hub.administer("POST", f"{path}/api-keys", {"scopes": ["payments:read"]})
    assert status == 201
    assert created["api_key"].startswith(f"extrato.{other_merchant.slug}.{created['key_id']}.")
    bearer = {"Authorization": f"Bearer {created['api_key']}"}
    listing = f"{hub.url}/payments/api/pending/?padaria_slug={other_merchant.slug}"
    async with hub.session.get(listing, headers=bearer) as answer:
        assert answer.status == 200
    assert (await hub.post("/payments/pix", {"value": 1}, bearer))[0] == 403

    _, listed = await hub.administer("GET", f"{path}/api-keys")
    [shown] = [each for each in listed["api_keys"] if each["key_id"] == created["key_id"]]
    assert (shown["name"], shown["scopes"], shown["listed_prices_only"]) == (None, ["payments:read"], False)
    assert shown["revoked_at"] is None
    assert shown["issued_at"] <= shown["last_used_at"]
    secret = created["api_key"].rpartition(".")[2]
    assert secret not in str(listed)
    assert hashlib.sha256(secret.encode()).hexdigest() not in str(listed)

    for _ in range(2):
        status, left = await hub.administer("DELETE", f"{path}/api-keys/{created['key_id']}")
        assert status == 200
        [revoked] = [each for each in left["api_keys"] if each["key_id"] == created["key_id"]]
        assert shown["last_used_at"] <= revoked["revoked_at"]
        assert {**revoked, "revoked_at": None} == shown

    async def is_refused():
        async with hub.session.get(listing, headers=bearer) as answer:
            return answer.status == 401

    await until(is_refused, "the key is rejected", within_s=2)


async def test_key_without_options_has_shop_scopes_as_in_cli(hub, path):
    status, created = await hub.administer("POST", f"{path}/api-keys", {})
    assert (status, created["scopes"]) == (201, ["payments:read", "payments:refund", "payments:write"])
    assert (created["name"], created["listed_prices_only"]) == (None, False)


async def test_key_has_requested_name(hub, path):
    status, created = await hub.administer("POST", f"{path}/api-keys", {"name": " Caixa 2 "})
    assert (status, created["name"]) == (201, "Caixa 2")
    _, listed = await hub.administer("GET", f"{path}/api-keys")
    assert "Caixa 2" in [each["name"] for each in listed["api_keys"]]


@pytest.mark.parametrize(
    ("name", "code"),
    [(5, "invalid_text"), ("a\nb", "invalid_text"), ("x" * 61, "text_too_long"), ("a\u200bb", "invalid_api_key_name")],
)
async def test_unprintable_name_is_rejected_in_portuguese(hub, path, name, code):
    before = await hub.count_requested_events()
    status, answer = await hub.administer("POST", f"{path}/api-keys", {"name": name})
    assert (status, answer["code"]) == (400, code)
    assert answer["error"].startswith("O ")
    assert await hub.count_requested_events() == before


@pytest.mark.parametrize("scopes", [None, [], "admin", ["root"], [5]])
async def test_key_with_empty_or_unknown_scopes_is_rejected(hub, path, scopes):
    status, answer = await hub.administer("POST", f"{path}/api-keys", {"scopes": scopes})
    assert (status, answer["code"]) == (400, "unknown_scope")


async def test_listed_prices_key_is_listed_as_such(hub, path):
    wanted = {"scopes": ["payments:write"], "listed_prices_only": True}
    status, created = await hub.administer("POST", f"{path}/api-keys", wanted)
    assert (status, created["listed_prices_only"]) == (201, True)
    _, listed = await hub.administer("GET", f"{path}/api-keys")
    [shown] = [each for each in listed["api_keys"] if each["key_id"] == created["key_id"]]
    assert wanted.items() <= shown.items()
    assert shown["last_used_at"] is None


@pytest.mark.parametrize(
    ("wanted", "code"),
    [
        ({"scopes": ["payments:write"], "listed_prices_only": "yes"}, "invalid_flag"),
        ({"scopes": ["payments:write", "admin"], "listed_prices_only": True}, "admin_sets_prices"),
    ],
)
async def test_listed_prices_key_with_bad_flag_or_admin_is_rejected(hub, path, wanted, code):
    before = (await hub.administer("GET", f"{path}/api-keys"))[1]
    status, answer = await hub.administer("POST", f"{path}/api-keys", wanted)
    assert (status, answer["code"]) == (400, code)
    assert (await hub.administer("GET", f"{path}/api-keys"))[1] == before


async def test_unknown_key_cannot_be_revoked(hub, path):
    status, answer = await hub.administer("DELETE", f"{path}/api-keys/00000000")
    assert (status, answer["code"]) == (404, "api_key_not_found")


# --- secrets --------------------------------------------------------------------------------------


async def test_secrets_appear_in_no_response_log_metric_or_event(hub, other_merchant, path, until):
    unknown_token, webhook_secret = "APP_USR-nobody-but-secret-all-the-same", "a-webhook-secret-of-this-test"
    provider = f"{path}/providers/mercado_pago"
    answers = [
        await hub.administer("PUT", provider, {**CREDENTIAL, "access_token": unknown_token}),
        await hub.administer("PUT", provider, {**CREDENTIAL, "account_id": "1"}),
        await hub.administer("PUT", provider, {**CREDENTIAL, "access_token": unknown_token, "pix_api": "x"}),
        await hub.administer("PUT", provider, {**CREDENTIAL, "webhook_secret": f"{webhook_secret} "}),
        await hub.administer("PUT", f"{provider}/webhook-secret", {"webhook_secret": webhook_secret}),
        await hub.administer("PUT", f"{provider}/webhook-secret", {"webhook_secret": f"{webhook_secret}\n\n{{"}),
        await hub.administer("GET", path),
        await generate_link(hub, other_merchant),
    ]
    _, created = await hub.administer("POST", f"{path}/api-keys", {"scopes": ["admin"]})
    answers.append(await hub.administer("GET", f"{path}/api-keys"))
    answers.append(await hub.administer("GET", path, key=created["api_key"] + "x"))
    answers.append(await hub.administer("DELETE", f"{path}/api-keys/{created['key_id']}"))
    answers.append(await hub.administer("DELETE", provider))
    metrics = await hub.metrics()
    events = await hub.rows("SELECT convert_from(state, 'utf8') FROM stored_events")
    documents = await hub.rows("SELECT document::text FROM merchants")
    async with hub.jetstream() as jetstream:

        async def is_carried():
            return (await jetstream.stream_info("PAYMENTS")).state.messages >= len(events)

        await until(is_carried, "NATS has every event")
        subscription = await jetstream.subscribe(f"merchants.{other_merchant.slug}.>", ordered_consumer=True)
        messages = [await subscription.next_msg(timeout=5)]
        while messages[-1].metadata.num_pending:
            messages.append(await subscription.next_msg(timeout=5))

    vault_keys = (hub.home / "secret.key").read_text().split()
    api_keys = [hub.api_key, hub.admin_key, created["api_key"], other_merchant.api_key, other_merchant.admin_key]
    secrets = [
        *(SANDBOX_TOKEN, unknown_token, WEBHOOK_SECRET, webhook_secret),
        *(key.rpartition(".")[2] for key in api_keys),
        *vault_keys,
    ]
    places = {
        "answers": str(answers),
        "logs": hub.logs(),
        "metrics": metrics,
        "events": str(events),
        "read model": str(documents),
        "messages": str([(message.headers, message.data) for message in messages]),
    }
    assert all(places.values())
    found = [(name, secret[:12]) for name, text in places.items() for secret in secrets if secret in text]
    assert found == []
