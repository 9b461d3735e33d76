"""The vault and the log agree on a provider account, after crashes and concurrent changes."""

from __future__ import annotations

import asyncio
import contextlib
from datetime import UTC, datetime, timedelta

import asyncpg
import msgspec
import pytest
from aiohttp import web

from contracts.envelope import Cause
from extrato.assembly import open_hub
from extrato.domain import merchant as domain
from extrato.domain.errors import Refused
from extrato.errors import ProviderUnavailable
from extrato.settings import Settings
from extrato.store.token_ends import token_ends_of
from extrato.use_cases.change_merchant import change_merchant, new_api_key
from extrato.use_cases.merchant_directory import KEY_CACHE_S, MERCHANT_CACHE_S, MerchantDirectory, read_merchant
from extrato.use_cases.provider_accounts import (
    LONGEST_TOKEN_LIFE,
    NewCredential,
    connect_account,
    connect_provider,
    disconnect_provider,
    rotate_access_token,
    rotate_webhook_secret,
)
from extrato.values import Credential

SLUG = "padaria"
CAUSE = Cause(correlation_id="a-test", actor="operator")
WANTED = NewCredential(access_token="APP_USR-first", webhook_secret="hush")
KEPT = Credential(access_token="APP_USR-first", webhook_secret="hush", account_id="1")
# The accounts of these tokens; the other tokens get the answers for an unknown token and for a failure.
ACCOUNTS = {"APP_USR-first": 1, "APP_USR-second": 1, "APP_USR-other": 2}


async def users_me(request: web.Request) -> web.Response:
    """`GET /users/me`, of a Mercado Pago on which one account has two tokens."""
    token = request.headers["Authorization"].removeprefix("Bearer ")
    if token in ACCOUNTS:
        return web.json_response({"id": ACCOUNTS[token], "site_id": "MLB"})
    if token == "APP_USR-ill":
        return web.json_response({"message": "internal_error"}, status=500)
    if token == "malformed":
        return web.json_response({"message": f"Malformed access_token: {token}", "error": "bad_request"}, status=400)
    return web.json_response({"message": "invalid access token", "code": "unauthorized"}, status=401)


@pytest.fixture
async def provider_url():
    app = web.Application()
    app.router.add_get("/users/me", users_me)
    runner = web.AppRunner(app)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    yield f"http://127.0.0.1:{runner.addresses[0][1]}"
    await runner.cleanup()


@pytest.fixture
async def hubs(emptied_database_url, provider_url, tmp_path):
    """A function that opens a hub as another process does."""
    settings = Settings.from_environment(
        {
            "EXTRATO_DATABASE_URL": emptied_database_url,
            "EXTRATO_HOME": str(tmp_path),
            "EXTRATO_MERCADOPAGO_URL": provider_url,
        }
    )
    async with contextlib.AsyncExitStack() as parts:

        async def start():
            pool = await parts.enter_async_context(asyncpg.create_pool(emptied_database_url, min_size=1, max_size=4))
            return await parts.enter_async_context(open_hub(settings, pool=pool, bus=None))

        yield start


@pytest.fixture
async def hub(hubs):
    hub = await hubs()
    await change_merchant(hub, SLUG, [domain.Register(slug=SLUG, name="Padaria", city="Recife")], cause=CAUSE)
    return hub


async def event_names(hub) -> list[str]:
    history = await hub.log.read_stream(domain.stream_id(SLUG))
    return [type(envelope.event).__name__ for envelope in history[1:]]


async def recorded(hub) -> str | None:
    """The digest of the credential in the log."""
    merchant, _ = await read_merchant(hub.log, SLUG)
    account = merchant.connections.get("mercado_pago")
    return account.credential_digest if account else None


async def connect(hub, wanted=WANTED):
    return await connect_account(hub, SLUG, "mercado_pago", wanted, cause=CAUSE)


async def test_account_is_connected_rotated_and_disconnected(hub):
    await connect(hub)
    assert await hub.vault.get_uncached(SLUG, "mercado_pago") == KEPT
    await rotate_access_token(hub, SLUG, "mercado_pago", "APP_USR-second", cause=CAUSE)
    await rotate_webhook_secret(hub, SLUG, "mercado_pago", "hush-2", cause=CAUSE)
    kept = await hub.vault.get_uncached(SLUG, "mercado_pago")
    assert kept == msgspec.structs.replace(KEPT, access_token="APP_USR-second", webhook_secret="hush-2")
    assert await recorded(hub) == kept.digest
    await disconnect_provider(hub, SLUG, "mercado_pago", cause=CAUSE)
    assert await hub.vault.get_uncached(SLUG, "mercado_pago") is None
    assert await event_names(hub) == [
        "ProviderConnected",
        "ProviderCredentialRotated",
        "WebhookSecretRotated",
        "ProviderDisconnected",
    ]


@pytest.mark.parametrize(
    ("change", "error"),
    [
        ({"access_token": "APP_USR-nobody"}, Refused),
        ({"access_token": "malformed"}, Refused),
        ({"access_token": "APP_USR-ill"}, ProviderUnavailable),
        ({"access_token": "a\nb"}, Refused),
        ({"webhook_secret": ""}, Refused),
        ({"account_id": "2"}, Refused),
        ({"pix_api": "telex"}, Refused),
    ],
)
async def test_refusal_stores_nothing_and_quotes_no_secret(hub, change, error):
    wanted = msgspec.structs.replace(WANTED, **change)
    with pytest.raises(error) as refused:
        await connect(hub, wanted)
    assert await hub.vault.get_uncached(SLUG, "mercado_pago") is None
    assert await event_names(hub) == []
    assert wanted.access_token not in repr(refused.value)
    assert refused.value.__cause__ is None


@pytest.mark.parametrize("slug", ["nobody", domain.RESERVED_SLUG])
async def test_unknown_merchant_is_refused_before_the_provider_is_asked(hub, slug, monkeypatch):
    async def is_asked(_access_token):
        raise AssertionError

    monkeypatch.setattr(hub.providers.remote["mercado_pago"], "account_of", is_asked)
    for refused in (
        connect_account(hub, slug, "mercado_pago", WANTED, cause=CAUSE),
        rotate_access_token(hub, slug, "mercado_pago", WANTED.access_token, cause=CAUSE),
        rotate_webhook_secret(hub, slug, "mercado_pago", "hush-2", cause=CAUSE),
        disconnect_provider(hub, slug, "mercado_pago", cause=CAUSE),
    ):
        with pytest.raises(Refused) as error:
            await refused
        assert error.value.code == "merchant_not_found"
    assert await hub.vault.get_uncached(slug, "mercado_pago") is None


async def test_end_of_the_token_is_kept_until_the_token_is_replaced(hub, emptied_database_url):
    database = await asyncpg.connect(emptied_database_url)

    async def known():
        return (await token_ends_of(database, SLUG)).get("mercado_pago")

    async def rotate(**told):
        await rotate_access_token(hub, SLUG, "mercado_pago", "APP_USR-second", cause=CAUSE, **told)

    first, second = (datetime.now(UTC).replace(microsecond=0) + timedelta(days=days) for days in (90, 180))
    await connect(hub)
    digest = await recorded(hub)
    assert await known() is None
    await connect(hub, msgspec.structs.replace(WANTED, token_expires_at=first))
    # The end is no part of the credential, so the log has no event about it.
    assert (await known(), await recorded(hub), await event_names(hub)) == (first, digest, ["ProviderConnected"])
    await rotate_webhook_secret(hub, SLUG, "mercado_pago", "hush-2", cause=CAUSE)
    assert await known() == first
    await rotate(token_expires_at=second)
    assert await known() == second
    await rotate()
    assert await known() is None
    await rotate(token_expires_at=second)
    await connect(hub)
    assert await known() is None
    await database.close()


@pytest.mark.parametrize(
    ("ahead", "why"), [(timedelta(0), ""), (timedelta(days=-1), ""), (LONGEST_TOKEN_LIFE, "too_late")]
)
async def test_end_of_a_token_out_of_bounds_is_refused(hub, ahead, why):
    expires_at = hub.now() + ahead + (timedelta(minutes=1) if why else timedelta(0))
    with pytest.raises(Refused) as refused:
        await connect(hub, msgspec.structs.replace(WANTED, token_expires_at=expires_at))
    assert (refused.value.code, refused.value.facts.get("why", "")) == ("invalid_token_expires_at", why)
    assert await hub.vault.get_uncached(SLUG, "mercado_pago") is None
    await connect(hub)
    with pytest.raises(Refused, match="The end of an access token must be"):
        await rotate_access_token(hub, SLUG, "mercado_pago", "APP_USR-second", token_expires_at=expires_at, cause=CAUSE)
    assert await hub.vault.get_uncached(SLUG, "mercado_pago") == KEPT


async def test_second_account_does_not_replace_the_first(hub):
    await connect(hub)
    other = NewCredential(access_token="APP_USR-other", webhook_secret="x")
    with pytest.raises(Refused) as refused:
        await connect(hub, other)
    assert refused.value.code == "another_account_connected"
    with pytest.raises(Refused) as refused:
        await rotate_access_token(hub, SLUG, "mercado_pago", "APP_USR-other", cause=CAUSE)
    assert refused.value.code == "account_mismatch"
    assert await hub.vault.get_uncached(SLUG, "mercado_pago") == KEPT

    await disconnect_provider(hub, SLUG, "mercado_pago", cause=CAUSE)
    await connect(hub, other)
    assert await hub.vault.merchants_of("mercado_pago", "2") == [SLUG]


async def test_repeated_connection_records_one_that_crashed(hub):
    await hub.vault.put(SLUG, "mercado_pago", KEPT)
    assert await event_names(hub) == []
    await connect(hub)
    assert await event_names(hub) == ["ProviderConnected"]


async def test_repeated_disconnection_records_one_that_crashed(hub):
    await connect(hub)
    await hub.vault.remove(SLUG, "mercado_pago")
    await disconnect_provider(hub, SLUG, "mercado_pago", cause=CAUSE)
    assert await event_names(hub) == ["ProviderConnected", "ProviderDisconnected"]


async def test_unrecorded_change_of_account_is_recorded(hub):
    await connect(hub)
    await hub.vault.remove(SLUG, "mercado_pago")
    await hub.vault.put(SLUG, "mercado_pago", msgspec.structs.replace(KEPT, account_id="2"))
    await rotate_webhook_secret(hub, SLUG, "mercado_pago", "hush-2", cause=CAUSE)
    assert await event_names(hub) == [
        "ProviderConnected",
        "ProviderDisconnected",
        "ProviderConnected",
        "WebhookSecretRotated",
    ]


async def test_webhook_secret_after_a_crashed_connection_records_both(hub):
    await hub.vault.put(SLUG, "mercado_pago", KEPT)
    await rotate_webhook_secret(hub, SLUG, "mercado_pago", "hush-2", cause=CAUSE)
    assert await event_names(hub) == ["ProviderConnected", "WebhookSecretRotated"]


async def test_log_matches_the_vault_after_concurrent_changes(hub, hubs):
    others = [hub, await hubs(), await hubs()]
    credentials = [msgspec.structs.replace(KEPT, access_token=f"APP_USR-{n}") for n in range(12)]
    done = await asyncio.gather(
        *(
            connect_provider(others[n % 3], SLUG, "mercado_pago", credential, cause=CAUSE)
            for n, credential in enumerate(credentials)
        ),
        *(rotate_webhook_secret(each, SLUG, "mercado_pago", "hush-2", cause=CAUSE) for each in others),
        return_exceptions=True,
    )
    # A caller that gave up under contention leaves its change for the next one to record.
    assert [result for result in done if not isinstance(result, domain.Registered)] == [] or await connect(hub)
    kept = await hub.vault.get_uncached(SLUG, "mercado_pago")
    assert await recorded(hub) == kept.digest


async def test_concurrent_connections_end_with_one_account(hub, hubs):
    other = await hubs()
    done = await asyncio.gather(
        connect(hub),
        connect(other, NewCredential(access_token="APP_USR-other", webhook_secret="x")),
        return_exceptions=True,
    )
    kept = await hub.vault.get_uncached(SLUG, "mercado_pago")
    assert await recorded(hub) == kept.digest
    assert sum(isinstance(result, Refused) for result in done) == 1
    assert (await event_names(hub)).count("ProviderConnected") == 1


async def test_revoked_key_is_rejected_everywhere_within_the_cache_time(hub, hubs, monkeypatch):
    here, there = MerchantDirectory(hub.log), MerchantDirectory((await hubs()).log)
    api_key, issue = new_api_key(SLUG, ("admin",))
    await change_merchant(hub, SLUG, [issue], cause=CAUSE)
    for directory in (here, there):
        known = await directory.authenticate(api_key)
        assert (known.merchant, known.scopes) == (SLUG, frozenset({"admin"}))
    await change_merchant(hub, SLUG, [domain.RevokeApiKey(key_id=issue.key_id)], cause=CAUSE)
    here.forget(SLUG)
    assert await here.authenticate(api_key) is None
    assert MERCHANT_CACHE_S + KEY_CACHE_S <= 1.0
    monkeypatch.setattr("extrato.use_cases.merchant_directory.MERCHANT_CACHE_S", 0.0)
    monkeypatch.setattr("extrato.use_cases.merchant_directory.KEY_CACHE_S", 0.0)
    assert await there.authenticate(api_key) is None


async def test_read_during_a_revocation_is_not_cached(hub, monkeypatch):
    directory = MerchantDirectory(hub.log)
    api_key, issue = new_api_key(SLUG, ("admin",))
    await change_merchant(hub, SLUG, [issue], cause=CAUSE)
    has_read, may_answer = asyncio.Event(), asyncio.Event()

    async def read_slowly(log, slug):
        answer = await read_merchant(log, slug)
        has_read.set()
        await may_answer.wait()
        return answer

    monkeypatch.setattr("extrato.use_cases.merchant_directory.read_merchant", read_slowly)
    authenticating = asyncio.create_task(directory.authenticate(api_key))
    await has_read.wait()
    monkeypatch.setattr("extrato.use_cases.merchant_directory.read_merchant", read_merchant)
    await change_merchant(hub, SLUG, [domain.RevokeApiKey(key_id=issue.key_id)], cause=CAUSE)
    directory.forget(SLUG)
    may_answer.set()
    assert await authenticating is not None
    assert await directory.authenticate(api_key) is None


async def test_cached_key_needs_no_read_and_a_wrong_secret_never_matches(hub, monkeypatch):
    monkeypatch.setattr("extrato.use_cases.merchant_directory.KEY_CACHE_S", 60.0)
    directory = MerchantDirectory(hub.log)
    api_key, issue = new_api_key(SLUG, ("admin",))
    await change_merchant(hub, SLUG, [issue], cause=CAUSE)
    known = await directory.authenticate(api_key)
    assert await directory.authenticate(api_key) is known
    for other in (api_key[:-1], api_key + "x", api_key.replace(SLUG, "other"), api_key.upper()):
        assert await directory.authenticate(other) is None
    assert await directory.authenticate(api_key) is known


async def test_key_issued_by_another_process_is_accepted_at_once(hub, hubs, monkeypatch):
    there = MerchantDirectory((await hubs()).log)
    assert await there.find(SLUG) is not None
    monkeypatch.setattr("extrato.use_cases.merchant_directory.UNKNOWN_KEY_CACHE_S", 0.0)
    api_key, issue = new_api_key(SLUG)
    await change_merchant(hub, SLUG, [issue], cause=CAUSE)
    assert await there.authenticate(api_key) is not None


async def test_hub_key_has_no_merchant(hub):
    api_key, issue = new_api_key(domain.RESERVED_SLUG, ("admin", "payments:read"))
    await change_merchant(hub, domain.RESERVED_SLUG, [issue], cause=CAUSE)
    directory = MerchantDirectory(hub.log)
    known = await directory.authenticate(api_key)
    assert (known.merchant, known.key_id) == (None, issue.key_id)
    assert await directory.find(domain.RESERVED_SLUG) is None
    assert await directory.authenticate(api_key.replace("extrato.extrato", f"extrato.{SLUG}")) is None


@pytest.mark.parametrize(
    "bearer", ["", "extrato", "extrato.padaria", "extrato.padaria.k", "extrato.padaria.k.", "x.padaria.k.s", "é.é.é.é"]
)
async def test_malformed_key_is_rejected(hub, bearer):
    assert await MerchantDirectory(hub.log).authenticate(bearer) is None
