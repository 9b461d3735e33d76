"""Assembles a `Hub` from its parts, for the services and the tests."""

from __future__ import annotations

import asyncio
import contextlib
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Final

import aiohttp

from extrato.bus.telemetry import TelemetryPublisher
from extrato.identifiers import RandomUuids
from extrato.providers.registry import providers
from extrato.store.event_log import EventLog
from extrato.store.evidence import EvidenceReader
from extrato.store.forgettings import Forgettings
from extrato.store.forgotten_list import ForgottenList
from extrato.store.inbox import WebhookInbox
from extrato.store.logos import Logos
from extrato.store.payers import Payers
from extrato.store.payment_ids import PaymentIds
from extrato.store.personal_data import PersonalData
from extrato.store.provider_answers import ProviderAnswers
from extrato.store.provider_budgets import ProviderBudgets
from extrato.store.vault import Vault
from extrato.store.vault_keys import FixedKeys, KeyFile
from extrato.store.webhook_health import WebhookHealth
from extrato.use_cases.forget_payer import apply_forgotten_list
from extrato.use_cases.hub import Hub
from extrato.use_cases.merchant_directory import MerchantDirectory

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    import asyncpg

    from extrato.bus.connection import Bus
    from extrato.settings import Settings
    from extrato.store.vault_keys import VaultKeys

PROVIDER_CONNECTIONS: Final = 256
CLOSE_WITHIN_S: Final = 1.0


def vault_keys(settings: Settings, *, may_create: bool = True) -> VaultKeys:
    """Return the keys of the vault: from the settings, or from their file, which is created if missing."""
    if settings.secret_key:
        return FixedKeys(settings.secret_key)
    return KeyFile(settings.secret_key_file, may_create=may_create)


@contextlib.asynccontextmanager
async def open_hub(
    settings: Settings, *, pool: asyncpg.Pool, bus: Bus | None, keys: VaultKeys | None = None
) -> AsyncIterator[Hub]:
    """Yield a hub on these connections; all accepted events are written before it closes.

    Without a bus the telemetry is dropped. Without `keys` those of the settings are read at once, because a process
    that cannot decrypt the vault must not start; raises `InvalidVaultKey`.
    """
    must_open, keys = keys is None, keys or vault_keys(settings)
    connector = aiohttp.TCPConnector(limit=PROVIDER_CONNECTIONS, keepalive_timeout=30)
    log, vault = EventLog(pool), Vault(pool, keys)
    personal_data = PersonalData(pool, vault)
    inbox = WebhookInbox(pool, personal_data)
    if must_open:
        keys.current()
        await vault.check_key()
    await log.recorder.advance_sequences()
    answers = ProviderAnswers(pool)
    budgets = ProviderBudgets(pool, per_minute=settings.provider_requests_per_minute)
    async with aiohttp.ClientSession(connector=connector) as session:
        reporting = asyncio.create_task(budgets.run(), name="budgets")
        try:
            hub = Hub(
                log=log,
                merchants=MerchantDirectory(log),
                payment_ids=PaymentIds(pool),
                vault=vault,
                payers=Payers(pool, vault),
                personal_data=personal_data,
                evidence=EvidenceReader(pool, personal_data),
                logos=Logos(pool),
                forgettings=Forgettings(pool),
                forgotten_list=ForgottenList(settings.forgotten_file),
                inbox=inbox,
                webhook_health=WebhookHealth(pool),
                telemetry=TelemetryPublisher(bus),
                providers=providers(settings, session, budgets),
                budgets=budgets,
                answers=answers,
                public_url=settings.public_url,
                now=lambda: datetime.now(UTC),
                new_uuid=RandomUuids(),
            )
            if must_open:
                # Before it serves: a restored database has keys that were destroyed since.
                await apply_forgotten_list(hub, await hub.forgotten_list.read())
            yield hub
        finally:
            reporting.cancel()
            # Without PostgreSQL the waiting events cannot be written; no caller got a success for them.
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(CLOSE_WITHIN_S):
                    await asyncio.gather(
                        log.close(), inbox.close(), answers.close(), budgets.report(unused_after_s=0.0)
                    )
