"""A merchant's accounts at providers. The vault holds their credentials; events hold only digests.

A part of the aggregate in `merchant.py`, divided like it: state, commands, decisions.
"""

from __future__ import annotations

from typing import assert_never

from msgspec import Struct
from msgspec.structs import replace

from contracts.events import (
    ProviderConnected,
    ProviderCredentialRotated,
    ProviderDisconnected,
    WebhookSecretRotated,
)
from contracts.providers import PIX_APIS
from extrato.domain.errors import Refused

# --- state --------------------------------------------------------------------------------------

# By provider. Each account is its `ProviderConnected` event, updated by later rotations.
ProviderAccounts = dict[str, ProviderConnected]
ProviderAccountEvent = ProviderConnected | ProviderCredentialRotated | WebhookSecretRotated | ProviderDisconnected


def evolve(accounts: ProviderAccounts, event: ProviderAccountEvent) -> ProviderAccounts:
    """Apply one event."""
    match event:
        case ProviderConnected():
            changed = event
        case ProviderCredentialRotated():
            before = accounts[event.provider]
            changed = replace(before, credential_digest=event.credential_digest, pix_api=event.pix_api)
        case WebhookSecretRotated():
            changed = replace(accounts[event.provider], credential_digest=event.credential_digest)
        case ProviderDisconnected():
            return {provider: kept for provider, kept in accounts.items() if provider != event.provider}
        case _:
            assert_never(event)
    return {**accounts, event.provider: changed}


# --- commands -----------------------------------------------------------------------------------


class ConnectProvider(Struct, frozen=True, kw_only=True):
    """Record that the vault holds a credential for `provider`: the first one or a replacement."""

    provider: str
    account_id: str
    credential_digest: str
    pix_api: str


class RotateWebhookSecret(Struct, frozen=True, kw_only=True):
    """Record that the credential in the vault has another webhook secret."""

    provider: str
    credential_digest: str


class DisconnectProvider(Struct, frozen=True, kw_only=True):
    """Record that the vault holds no credential for `provider`."""

    provider: str


ProviderAccountCommand = ConnectProvider | RotateWebhookSecret | DisconnectProvider

# --- decisions ----------------------------------------------------------------------------------


def decide(command: ProviderAccountCommand, accounts: ProviderAccounts) -> list[ProviderAccountEvent]:
    """Return the events of `command`; none when it does not change the state. Raises `Refused`."""
    connected = accounts.get(command.provider)
    match command:
        case ConnectProvider():
            return _connect(command, connected)
        case RotateWebhookSecret():
            if connected is None:
                raise Refused("provider_not_connected", command.provider, why="no_connection")
            if connected.credential_digest == command.credential_digest:
                return []
            return [WebhookSecretRotated(provider=command.provider, credential_digest=command.credential_digest)]
        case DisconnectProvider():
            return [] if connected is None else [ProviderDisconnected(provider=command.provider)]
        case _:
            assert_never(command)


def _connect(command: ConnectProvider, connected: ProviderConnected | None) -> list[ProviderAccountEvent]:
    provider, digest, pix_api = command.provider, command.credential_digest, command.pix_api
    if pix_api not in PIX_APIS:
        raise Refused("unknown_pix_api", "pix_api")
    if connected is None:
        return [
            ProviderConnected(
                provider=provider, account_id=command.account_id, credential_digest=digest, pix_api=pix_api
            )
        ]
    if connected.account_id != command.account_id:
        # After a change of account the hub cannot check the charges of the first one.
        raise Refused("another_account_connected", provider)
    if (connected.credential_digest, connected.pix_api) == (digest, pix_api):
        return []
    return [ProviderCredentialRotated(provider=provider, credential_digest=digest, pix_api=pix_api)]
