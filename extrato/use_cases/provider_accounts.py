"""Connects a merchant's account at a provider, rotates its credential, and disconnects it.

The vault changes first, then the log records its content. After a crash between the two the vault is right and the log
lags behind: the hub uses the requested credential, or none, and a repeated request records it. In the other order the
log would record a credential that the vault lacks, or a removal while the hub still uses the old one.
"""

from __future__ import annotations

import re
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Final

from msgspec import Struct
from msgspec.structs import replace

from extrato.domain import merchant as domain
from extrato.domain.errors import Refused, UnknownName
from extrato.domain.provider_accounts import ConnectProvider, DisconnectProvider, RotateWebhookSecret
from extrato.errors import Overloaded, ProviderNotConnected, ProviderRefused
from extrato.use_cases.change_merchant import change_merchant
from extrato.use_cases.command_handler import ATTEMPTS
from extrato.use_cases.merchant_directory import read_merchant
from extrato.values import Credential

if TYPE_CHECKING:
    from collections.abc import Callable

    from contracts.envelope import Cause
    from extrato.domain.provider_accounts import ProviderAccountCommand
    from extrato.providers.port import RemoteProvider
    from extrato.use_cases.hub import Hub

DEFAULT_PIX_API: Final = "payments"
# Mercado Pago's tokens last for months. A later end is a typing error.
LONGEST_TOKEN_LIFE: Final = timedelta(days=3650)
SECRET: Final = re.compile(r"[\x21-\x7e]{1,500}")


class NewCredential(Struct, frozen=True, kw_only=True):
    """A merchant's new credential.

    `account_id` is the account that the merchant expects to own the token. `token_expires_at` has an offset; None means
    that the end of the token is unknown.
    """

    access_token: str
    webhook_secret: str
    account_id: str | None = None
    pix_api: str = DEFAULT_PIX_API
    token_expires_at: datetime | None = None

    def __repr__(self) -> str:
        return "NewCredential(...)"

    __str__ = __repr__


async def connect_account(
    hub: Hub, slug: str, provider: str, wanted: NewCredential, *, cause: Cause
) -> domain.Registered:
    """Ask the provider for the token's account, and connect that account or replace its credential.

    Raises `Refused`, also for a token that the provider rejects, and `ProviderUnavailable`; then nothing is stored.
    """
    await check_provider(hub, slug, provider)
    _check_secret(wanted.webhook_secret)
    _check_token_end(hub, wanted.token_expires_at)
    account_id = await _account_of(hub, provider, wanted.access_token)
    if wanted.account_id is not None and wanted.account_id != account_id:
        raise Refused("account_mismatch", "account_id")
    credential = Credential(
        access_token=wanted.access_token,
        webhook_secret=wanted.webhook_secret,
        account_id=account_id,
        pix_api=wanted.pix_api,
    )
    return await connect_provider(
        hub, slug, provider, credential, token_expires_at=wanted.token_expires_at, cause=cause
    )


async def connect_provider(
    hub: Hub,
    slug: str,
    provider: str,
    credential: Credential,
    *,
    token_expires_at: datetime | None = None,
    cause: Cause,
) -> domain.Registered:
    """Store a credential in the vault and record that; raises `Refused`."""
    # Decide first, so that a refused credential never enters the vault.
    merchant, _ = await read_merchant(hub.log, slug)
    domain.decide(_connect_command(provider, credential), merchant)
    if not await hub.vault.put(slug, provider, credential, token_expires_at=token_expires_at):
        raise Refused("another_account_connected", provider)
    return await _record_what_is_kept(hub, slug, provider, _connect_command, cause=cause)


async def rotate_access_token(
    hub: Hub,
    slug: str,
    provider: str,
    access_token: str,
    *,
    token_expires_at: datetime | None = None,
    cause: Cause,
) -> domain.Registered:
    """Replace the access token by one of the same account; raises as `connect_account`.

    Without `token_expires_at` the end of the token is unknown, because the vault forgets that of the replaced token.
    """
    await check_provider(hub, slug, provider)
    _check_token_end(hub, token_expires_at)
    account_id = await _account_of(hub, provider, access_token)

    def other_token(credential: Credential) -> Credential:
        if credential.account_id != account_id:
            raise Refused("account_mismatch", "account_id")
        return replace(credential, access_token=access_token)

    if not await hub.vault.change(slug, provider, other_token, token_expires_at=token_expires_at):
        raise Refused("provider_not_connected", provider, why="no_connection")
    return await _record_what_is_kept(hub, slug, provider, _connect_command, cause=cause)


async def rotate_webhook_secret(
    hub: Hub, slug: str, provider: str, webhook_secret: str, *, cause: Cause
) -> domain.Registered:
    """Replace the webhook secret, keep the access token; raises `Refused`."""
    await check_provider(hub, slug, provider)
    _check_secret(webhook_secret)

    def other_secret(credential: Credential) -> Credential:
        return replace(credential, webhook_secret=webhook_secret)

    # First record a change that a crash left unrecorded.
    await _record_what_is_kept(hub, slug, provider, _connect_command, cause=cause)
    if not await hub.vault.change(slug, provider, other_secret):
        raise Refused("provider_not_connected", provider, why="no_connection")
    return await _record_what_is_kept(hub, slug, provider, _rotate_command, cause=cause)


async def disconnect_provider(hub: Hub, slug: str, provider: str, *, cause: Cause) -> domain.Registered:
    """Remove the credential; every process stops using it within the vault's cache time."""
    await check_provider(hub, slug, provider)
    await hub.vault.remove(slug, provider)
    return await _record_what_is_kept(hub, slug, provider, _connect_command, cause=cause)


async def _record_what_is_kept(
    hub: Hub,
    slug: str,
    provider: str,
    command_of: Callable[[str, Credential], ProviderAccountCommand],
    *,
    cause: Cause,
) -> domain.Registered:
    """Record the vault's current content until the log matches it.

    Two callers may change a credential at the same time, and record in the other order than the vault stored. Each
    caller reads the vault again after recording, so that the log matches it in the end.
    """
    for _ in range(ATTEMPTS):
        kept = await hub.vault.get_uncached(slug, provider)
        recorded = await _account_recorded(hub, slug, provider)
        commands: list[domain.Command] = [] if kept is None else [command_of(provider, kept)]
        if kept is None or recorded not in {None, kept.account_id}:
            commands.insert(0, DisconnectProvider(provider=provider))
        changed = await change_merchant(hub, slug, commands, cause=cause)
        if not changed.is_new:
            return domain.registered(changed.merchant, slug)
    raise Overloaded(slug, why="connection")


async def _account_recorded(hub: Hub, slug: str, provider: str) -> str | None:
    merchant, _ = await read_merchant(hub.log, slug)
    account = merchant.connections.get(provider) if isinstance(merchant, domain.Registered) else None
    return account.account_id if account else None


async def check_provider(hub: Hub, slug: str, provider: str) -> None:
    """Raise `Refused` unless the merchant exists and the provider has accounts.

    This runs before a person enters a secret, and before the provider checks one.
    """
    merchant, _ = await read_merchant(hub.log, slug)
    domain.registered(merchant, slug)
    _provider(hub, provider)


def notification_url(public_url: str, slug: str) -> str:
    """Return the URL that receives a merchant's webhooks, for the provider's panel and for each charge."""
    return f"{public_url}/webhooks/mercadopago/{slug}/"


def _check_secret(secret: str) -> None:
    if not SECRET.fullmatch(secret):
        raise Refused("invalid_credential", "credential")


def _check_token_end(hub: Hub, token_expires_at: datetime | None) -> None:
    if token_expires_at is None:
        return
    if token_expires_at <= hub.now():
        raise Refused("invalid_token_expires_at", "token_expires_at")
    if token_expires_at > hub.now() + LONGEST_TOKEN_LIFE:
        raise Refused("invalid_token_expires_at", "token_expires_at", why="too_late")


async def _account_of(hub: Hub, provider: str, access_token: str) -> str:
    _check_secret(access_token)
    try:
        return await _provider(hub, provider).account_of(access_token)
    except (ProviderRefused, ProviderNotConnected):
        # The refusal may quote the token, so it is not chained.
        raise Refused("credential_not_accepted", provider) from None


def _provider(hub: Hub, name: str) -> RemoteProvider:
    provider = hub.providers.remote.get(name)
    if provider is None:
        raise UnknownName("unknown_provider", name[:64], known=hub.providers.remote, names_all=True)
    return provider


def _connect_command(provider: str, kept: Credential) -> ConnectProvider:
    return ConnectProvider(
        provider=provider, account_id=kept.account_id, credential_digest=kept.digest, pix_api=kept.pix_api
    )


def _rotate_command(provider: str, kept: Credential) -> RotateWebhookSecret:
    return RotateWebhookSecret(provider=provider, credential_digest=kept.digest)
