"""The demo merchant, with which a newcomer tries the hub; it exists only together with the sandbox."""

from __future__ import annotations

import secrets
import shlex
from typing import TYPE_CHECKING, Final, NamedTuple

from contracts.events import ApiKeyIssued
from contracts.providers import MERCADO_PAGO
from extrato.domain import merchant as domain
from extrato.domain.api_keys import RevokeApiKey
from extrato.domain.products import PriceProduct
from extrato.domain.provider_accounts import ConnectProvider
from extrato.settings import InvalidSettings
from extrato.use_cases.change_merchant import DEFAULT_SCOPES, change_merchant, new_api_key
from extrato.use_cases.merchant_directory import MerchantDirectory, key_id_of, read_merchant
from extrato.use_cases.provider_accounts import SECRET, disconnect_provider, rotate_webhook_secret
from extrato.values import Credential
from services.cli.key_file import read_key, write_key
from services.cli.supervisor.programs import DEMO_SECRET

if TYPE_CHECKING:
    from pathlib import Path

    from contracts.envelope import Cause
    from extrato.settings import Settings
    from extrato.use_cases.hub import Hub

SLUG: Final = "padaria-do-marcos"
PRICES_CENTAVOS: Final = {"Pão Francês": 50, "Bolo de Chocolate": 3000}

# A newcomer plays the bank too.
SCOPES: Final = (*DEFAULT_SCOPES, "confirm")

# The sandbox knows this account from the start, and only the sandbox accepts the token.
ACCOUNT_ID: Final = "174087000"
ACCESS_TOKEN: Final = "APP_USR-0000000000000001-112300-0123456789abcdef0123456789abcdef-174087000"  # noqa: S105

# Older versions gave every demo merchant this published secret, with which anyone can sign webhooks.
PUBLISHED_SECRET: Final = "demo-webhook-secret-of-padaria-do-marcos"  # noqa: S105


class Demo(NamedTuple):
    """The demo merchant's webhook secret and API key; `key_file` is None when the key was revoked or removed."""

    webhook_secret: str
    key_file: Path | None


async def prepare_demo(hub: Hub, settings: Settings, *, given_secret: str, cause: Cause) -> Demo:
    """Register the demo merchant with an API key, unless it exists; raises `InvalidSettings`.

    An existing merchant stays as it is, and a revoked or removed key is not replaced. Only the webhook secret becomes
    `given_secret`, or a random one when it is the published one.
    """
    if given_secret and not SECRET.fullmatch(given_secret):
        raise InvalidSettings(f"{DEMO_SECRET} must be 1 to 500 visible characters of ASCII.")
    merchant, _ = await read_merchant(hub.log, SLUG)
    secret = await _webhook_secret(hub, given_secret, cause=cause)
    if not isinstance(merchant, domain.Registered):
        return Demo(secret, await _register(hub, settings, secret, cause=cause))
    if not merchant.keys.issued and not merchant.keys.revoked:
        # A crash of an older version left the merchant without its key: that version recorded them separately.
        return Demo(secret, await _issue_key(hub, settings, [], cause=cause))
    return Demo(secret, await _valid_key_file(hub, settings))


async def withdraw_demo(hub: Hub, settings: Settings, *, cause: Cause) -> None:
    """Disconnect the demo merchant from the sandbox, and revoke each key that `prepare_demo` issued.

    `cause` is the cause of the events of `prepare_demo`. Another connected account stays.
    """
    merchant, _ = await read_merchant(hub.log, SLUG)
    if not isinstance(merchant, domain.Registered):
        return
    kept, recorded = await hub.vault.get_uncached(SLUG, MERCADO_PAGO), merchant.connections.get(MERCADO_PAGO)
    connected = kept or recorded
    if connected is not None and connected.account_id == ACCOUNT_ID:
        await disconnect_provider(hub, SLUG, MERCADO_PAGO, cause=cause)
    file = _key_file(settings)
    demos = {key_id_of(read_key(file) or "")}
    for envelope in await hub.log.read_stream(domain.stream_id(SLUG)):
        if isinstance(envelope.event, ApiKeyIssued) and envelope.cause == cause:
            demos.add(envelope.event.key_id)
    revoke = [RevokeApiKey(key_id=key_id) for key_id in sorted(demos & merchant.keys.issued.keys())]
    await change_merchant(hub, SLUG, revoke, cause=cause)
    file.unlink(missing_ok=True)


async def _register(hub: Hub, settings: Settings, webhook_secret: str, *, cause: Cause) -> Path:
    """Record all events together, so that a crash leaves no half-registered merchant."""
    credential = Credential(access_token=ACCESS_TOKEN, webhook_secret=webhook_secret, account_id=ACCOUNT_ID)
    commands: list[domain.Command] = [
        domain.Register(slug=SLUG, name="Padaria do Marcos", city="Sao Paulo"),
        domain.SetPixKey(kind="evp", key="123e4567-e12b-12d1-a456-426655440000"),
        *(PriceProduct(name=name, price_centavos=price) for name, price in PRICES_CENTAVOS.items()),
        ConnectProvider(
            provider=MERCADO_PAGO,
            account_id=credential.account_id,
            credential_digest=credential.digest,
            pix_api=credential.pix_api,
        ),
    ]
    # The credential is not checked, because the sandbox does not run yet.
    await hub.vault.put(SLUG, MERCADO_PAGO, credential)
    return await _issue_key(hub, settings, commands, cause=cause)


async def _issue_key(hub: Hub, settings: Settings, commands: list[domain.Command], *, cause: Cause) -> Path:
    """Issue a key after other commands, and return its file."""
    api_key, issue = new_api_key(SLUG, SCOPES)
    file = _key_file(settings)
    write_key(file, api_key)
    await change_merchant(hub, SLUG, [*commands, issue], cause=cause)
    return file


async def _webhook_secret(hub: Hub, given_secret: str, *, cause: Cause) -> str:
    """Return the webhook secret of the demo account, after replacing the published one.

    Other merchants may have connected the same account.
    """
    credentials = {}
    for slug in await hub.vault.merchants_of(MERCADO_PAGO, ACCOUNT_ID):
        credential = await hub.vault.get_uncached(slug, MERCADO_PAGO)
        if credential is not None and credential.account_id == ACCOUNT_ID:
            credentials[slug] = credential.webhook_secret
    kept = [credentials[slug] for slug in sorted(credentials, key=lambda slug: slug != SLUG)]
    secret = given_secret or next((each for each in kept if each != PUBLISHED_SECRET), secrets.token_hex(32))
    for slug, known in credentials.items():
        merchant, _ = await read_merchant(hub.log, slug)
        # This also records a change that a crash left unrecorded. An unregistered merchant has nothing to record.
        if isinstance(merchant, domain.Registered) and (slug == SLUG or known == PUBLISHED_SECRET):
            await rotate_webhook_secret(hub, slug, MERCADO_PAGO, secret, cause=cause)
    return secret


async def _valid_key_file(hub: Hub, settings: Settings) -> Path | None:
    file = _key_file(settings)
    key = read_key(file)
    return file if key is not None and await MerchantDirectory(hub.log).authenticate(key) is not None else None


def _key_file(settings: Settings) -> Path:
    return settings.home / "demo-api-key"


def request_to_try(settings: Settings, key_file: Path) -> str:
    """Return a shell command that creates a payment; the key stays in its file."""
    body = '{"method": "mercado_pago_checkout", "items": [{"name": "Pão Francês", "quantity": 10}]}'
    address = f"{settings.public_url}/v1/payments"
    key = f'"Authorization: Bearer $(cat {shlex.quote(str(key_file))})"'
    return f"curl {address} -H {key} -H 'Content-Type: application/json' -d '{body}'"
