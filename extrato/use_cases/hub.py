"""The parts that use cases work with."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable
    from uuid import UUID

    from extrato.bus.telemetry import TelemetryPublisher
    from extrato.providers.port import Providers
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
    from extrato.store.webhook_health import WebhookHealth
    from extrato.use_cases.merchant_directory import MerchantDirectory
    from extrato.values import Clock


@dataclass(frozen=True, kw_only=True, slots=True)
class Hub:
    """All parts that a use case may use; built once by a process's `app.py`."""

    log: EventLog
    merchants: MerchantDirectory
    payment_ids: PaymentIds
    vault: Vault
    payers: Payers
    personal_data: PersonalData
    evidence: EvidenceReader
    logos: Logos
    forgettings: Forgettings
    forgotten_list: ForgottenList
    inbox: WebhookInbox
    webhook_health: WebhookHealth
    telemetry: TelemetryPublisher
    providers: Providers
    budgets: ProviderBudgets
    answers: ProviderAnswers
    public_url: str
    now: Clock
    new_uuid: Callable[[], UUID]
