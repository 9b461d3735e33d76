"""The demo merchant exists with the simulated provider only, and its published secrets give no access."""

from __future__ import annotations

import stat

import asyncpg
import pytest

from contracts.envelope import Cause
from contracts.providers import MERCADO_PAGO
from extrato.assembly import open_hub
from extrato.domain import merchant as domain
from extrato.domain.api_keys import RevokeApiKey
from extrato.settings import InvalidSettings, Settings
from extrato.use_cases.change_merchant import change_merchant, new_api_key
from extrato.use_cases.merchant_directory import MerchantDirectory, key_id_of, read_merchant
from extrato.use_cases.provider_accounts import connect_provider, disconnect_provider, rotate_webhook_secret
from extrato.values import Credential
from services.cli.demo import ACCESS_TOKEN, ACCOUNT_ID, PUBLISHED_SECRET, SLUG, prepare_demo, withdraw_demo

UP = Cause(correlation_id="up", actor="operator")
ANA = Cause(correlation_id="0123", actor="operator", actor_id="ana")


@pytest.fixture
def settings(emptied_database_url, tmp_path):
    return Settings.from_environment({"EXTRATO_DATABASE_URL": emptied_database_url, "EXTRATO_HOME": str(tmp_path)})


@pytest.fixture
async def hub(settings):
    async with (
        asyncpg.create_pool(settings.database_url, min_size=1, max_size=4) as pool,
        open_hub(settings, pool=pool, bus=None) as hub,
    ):
        yield hub


async def start(hub, settings, *, given_secret=""):
    return await prepare_demo(hub, settings, given_secret=given_secret, cause=UP)


async def merchant_of(hub, slug=SLUG):
    merchant, _ = await read_merchant(hub.log, slug)
    return merchant


async def is_valid(hub, api_key):
    return await MerchantDirectory(hub.log).authenticate(api_key) is not None


async def secret_of(hub, slug=SLUG):
    return (await hub.vault.get_uncached(slug, MERCADO_PAGO)).webhook_secret


def credential(secret=PUBLISHED_SECRET, account_id=ACCOUNT_ID):
    return Credential(access_token=ACCESS_TOKEN, webhook_secret=secret, account_id=account_id)


async def register_another(hub, slug="padaria-da-ana"):
    await change_merchant(hub, slug, [domain.Register(slug=slug, name="Ana", city="Recife")], cause=ANA)
    await connect_provider(hub, slug, MERCADO_PAGO, credential(), cause=ANA)
    return slug


async def test_later_starts_keep_the_first_secret_and_key(hub, settings):
    first = await start(hub, settings)
    key = first.key_file.read_text().strip()
    assert first.webhook_secret == await secret_of(hub) != PUBLISHED_SECRET
    assert len(first.webhook_secret) == 64
    assert stat.S_IMODE(first.key_file.stat().st_mode) == 0o600
    version = (await read_merchant(hub.log, SLUG))[1]
    assert await start(hub, settings) == first
    assert first.key_file.read_text().strip() == key
    assert (await read_merchant(hub.log, SLUG))[1] == version
    assert await is_valid(hub, key)


async def test_published_secret_is_rotated_for_every_merchant(hub, settings):
    await start(hub, settings)
    await rotate_webhook_secret(hub, SLUG, MERCADO_PAGO, PUBLISHED_SECRET, cause=UP)
    another = await register_another(hub)
    demo = await start(hub, settings)
    assert demo.webhook_secret == await secret_of(hub) == await secret_of(hub, another) != PUBLISHED_SECRET
    # The log records it.
    account = (await merchant_of(hub)).connections[MERCADO_PAGO]
    assert account.credential_digest == credential(demo.webhook_secret).digest
    assert (await start(hub, settings)).webhook_secret == demo.webhook_secret


async def test_published_secret_is_rotated_without_a_demo_account_too(hub, settings):
    await start(hub, settings)
    await disconnect_provider(hub, SLUG, MERCADO_PAGO, cause=ANA)
    another = await register_another(hub)
    demo = await start(hub, settings)
    assert demo.webhook_secret == await secret_of(hub, another) != PUBLISHED_SECRET
    assert (await start(hub, settings)).webhook_secret == demo.webhook_secret
    assert MERCADO_PAGO not in (await merchant_of(hub)).connections


async def test_configured_secret_is_kept_and_an_unusable_one_refused(hub, settings):
    await start(hub, settings)
    assert (await start(hub, settings, given_secret="of-the-operator")).webhook_secret == await secret_of(hub)
    assert await secret_of(hub) == "of-the-operator"
    assert (await start(hub, settings)).webhook_secret == "of-the-operator"
    with pytest.raises(InvalidSettings, match="EXTRATO_SANDBOX_DEMO_SECRET"):
        await start(hub, settings, given_secret="two words")
    assert await secret_of(hub) == "of-the-operator"


async def test_start_repairs_a_crash_after_the_vault(hub, settings):
    await hub.vault.put(SLUG, MERCADO_PAGO, credential())
    demo = await start(hub, settings, given_secret="of-the-operator")
    assert demo.webhook_secret == await secret_of(hub) == "of-the-operator"
    assert await is_valid(hub, demo.key_file.read_text().strip())


@pytest.mark.parametrize("is_kept", [True, False])
async def test_key_that_was_revoked_is_not_replaced(hub, settings, is_kept):
    demo = await start(hub, settings)
    key = demo.key_file.read_text().strip()
    await change_merchant(hub, SLUG, [RevokeApiKey(key_id=key_id_of(key))], cause=ANA)
    if not is_kept:
        demo.key_file.unlink()
    again = await start(hub, settings)
    assert again.key_file is None
    merchant = await merchant_of(hub)
    assert (merchant.keys.issued, len(merchant.keys.revoked)) == ({}, 1)


async def test_key_whose_file_is_missing_is_not_replaced(hub, settings):
    demo = await start(hub, settings)
    demo.key_file.unlink()
    assert (await start(hub, settings)).key_file is None
    assert len((await merchant_of(hub)).keys.issued) == 1


async def test_merchant_that_never_had_a_key_gets_one(hub, settings):
    await change_merchant(hub, SLUG, [domain.Register(slug=SLUG, name="Marcos", city="Sao Paulo")], cause=UP)
    demo = await start(hub, settings)
    assert await is_valid(hub, demo.key_file.read_text().strip())


async def test_other_provider_disconnects_the_demo_and_revokes_its_keys(hub, settings):
    # Older versions issued another key when the first was revoked or its file was gone.
    await start(hub, settings)
    second, issue = new_api_key(SLUG)
    await change_merchant(hub, SLUG, [issue], cause=UP)
    anas, issue = new_api_key(SLUG)
    await change_merchant(hub, SLUG, [issue], cause=ANA)
    file = settings.home / "demo-api-key"
    first = file.read_text().strip()

    await withdraw_demo(hub, settings, cause=UP)
    merchant = await merchant_of(hub)
    assert merchant.connections == {}
    assert await hub.vault.get_uncached(SLUG, MERCADO_PAGO) is None
    assert [await is_valid(hub, key) for key in (first, second, anas)] == [False, False, True]
    assert not file.exists()

    # A repetition is harmless, and a later start with the sandbox restores nothing.
    version = (await read_merchant(hub.log, SLUG))[1]
    await withdraw_demo(hub, settings, cause=UP)
    assert (await start(hub, settings)).key_file is None
    assert (await read_merchant(hub.log, SLUG))[1] == version


async def test_key_known_only_from_its_file_is_revoked_too(hub, settings):
    demo = await start(hub, settings)
    api_key, issue = new_api_key(SLUG)
    await change_merchant(hub, SLUG, [issue], cause=ANA)
    demo.key_file.write_text(api_key)
    await withdraw_demo(hub, settings, cause=UP)
    assert not await is_valid(hub, api_key)


async def test_other_provider_keeps_an_account_of_the_operator(hub, settings):
    await start(hub, settings)
    await disconnect_provider(hub, SLUG, MERCADO_PAGO, cause=ANA)
    own = Credential(access_token="APP_USR-own", webhook_secret="own", account_id="42")
    await connect_provider(hub, SLUG, MERCADO_PAGO, own, cause=ANA)
    await withdraw_demo(hub, settings, cause=UP)
    assert await hub.vault.get_uncached(SLUG, MERCADO_PAGO) == own
    assert (await merchant_of(hub)).keys.issued == {}


async def test_other_provider_creates_no_demo(hub, settings):
    await withdraw_demo(hub, settings, cause=UP)
    assert await merchant_of(hub) == domain.INITIAL
    assert not (settings.home / "demo-api-key").exists()
