"""The accounts of a merchant as the monitor sees them: calls, sweeps, the end of the token, and webhooks."""

from __future__ import annotations

from typing import TYPE_CHECKING

from contracts.api import AccountWebhooks, MonitoredAccount
from contracts.events import WebhooksFailing
from extrato.providers.call_budget import budget_name
from extrato.store.token_ends import token_ends_of
from extrato.store.vault_keys import InvalidVaultKey
from services.gateway.api import queries
from services.gateway.api.response_bodies import local_time_or_none

if TYPE_CHECKING:
    from datetime import datetime

    import asyncpg

    from contracts.events import WebhooksRecovered
    from extrato.use_cases.hub import Hub
    from extrato.values import Credential


async def monitored_accounts(hub: Hub, pool: asyncpg.Pool, merchant: str | None) -> list[MonitoredAccount]:
    """Return the connected accounts of a merchant; none without a merchant."""
    registered = await hub.merchants.find(merchant) if merchant is not None else None
    if registered is None:
        return []
    credentials = {
        provider: await _credential(hub, registered.slug, provider) for provider in sorted(registered.connections)
    }
    names = {
        provider: budget_name(provider, credential.access_token if credential else "")
        for provider, credential in credentials.items()
    }
    left = await hub.budgets.left(list(names.values()))
    swept = await queries.last_sweeps(pool, registered.slug)
    token_ends = await token_ends_of(pool, registered.slug)
    verified = await hub.webhook_health.last_verified(registered.slug)
    return [
        MonitoredAccount(
            provider=provider,
            requests_per_minute=hub.budgets.per_minute,
            left=left[names[provider]].left,
            used_last_minute=left[names[provider]].used_last_minute,
            last_sweep_at=local_time_or_none(swept.get(provider)),
            token_expires_at=local_time_or_none(token_ends.get(provider)),
            webhooks=_webhooks(credential, registered.webhooks.get(provider), verified.get(provider)),
        )
        for provider, credential in credentials.items()
    ]


async def _credential(hub: Hub, merchant: str, provider: str) -> Credential | None:
    try:
        return await hub.vault.get(merchant, provider)
    except InvalidVaultKey:
        return None


def _webhooks(
    credential: Credential | None, state: WebhooksFailing | WebhooksRecovered | None, verified_at: datetime | None
) -> AccountWebhooks:
    failing = state if isinstance(state, WebhooksFailing) else None
    if credential is None or not credential.webhook_secret:
        name = "no_secret"
    elif failing is not None:
        name = "failing"
    else:
        name = "not_seen" if verified_at is None else "working"
    return AccountWebhooks(
        state=name,
        reason=failing.reason if failing else None,
        failing_since=local_time_or_none(failing.since if failing else None),
        last_verified_at=local_time_or_none(verified_at),
    )
