"""The simulated provider as a whole: its parts, and how a changed payment is saved."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from services.sandbox.bodies.payment import payment_body

if TYPE_CHECKING:
    from services.sandbox.bodies.qr_pictures import QrPictures
    from services.sandbox.state.accounts import Account, Accounts
    from services.sandbox.state.clock import Clock
    from services.sandbox.state.database import Database
    from services.sandbox.state.faults import FaultDial
    from services.sandbox.state.records import Payment
    from services.sandbox.state.settings import Settings
    from services.sandbox.state.stale import StaleAnswers
    from services.sandbox.state.stats import Stats
    from services.sandbox.state.store import Store
    from services.sandbox.state.timetable import Timetable
    from services.sandbox.webhooks.outbox import Outbox


@dataclass(frozen=True, kw_only=True)
class Simulator:
    """The parts that handlers use; only `app` builds it."""

    settings: Settings
    accounts: Accounts
    clock: Clock
    database: Database
    store: Store
    outbox: Outbox
    timetable: Timetable
    faults: FaultDial
    stats: Stats
    pictures: QrPictures
    stale: StaleAnswers

    def record(self, payment: Payment, *, action: str) -> None:
        """Save a payment that was `created` or `updated`, queue its webhooks, and schedule its next timed change.

        The caller commits before it answers; `api.middleware` does so for every handler.
        """
        self.store.save_payment(payment)
        self.outbox.enqueue(payment, action=action)
        self.timetable.schedule(payment)

    def save_silently(self, payment: Payment) -> None:
        """Save a payment with a new refund in process, without webhooks: the payment's JSON does not change."""
        self.store.save_payment(payment, is_searchable=False)

    async def payment_json(self, payment: Payment) -> dict[str, Any]:
        """Return the JSON object of a payment, with the QR code's picture while a payer can pay the Pix."""
        picture = await self.picture_of(payment)
        return payment_body(
            payment,
            account=self.account_of(payment.collector_id),
            public_url=self.settings.public_url,
            qr_code_base64=picture,
        )

    async def picture_of(self, payment: Payment) -> str | None:
        """Return the picture of a payable Pix, `None` for other payments."""
        is_payable = payment.qr_code is not None and payment.status == "pending"
        return await self.pictures.of(payment.qr_code) if is_payable and payment.qr_code else None

    def account_of(self, collector_id: int) -> Account:
        """Return the merchant of a record, or a placeholder if the configuration lacks it."""
        return self.accounts.of_collector(collector_id) or self.accounts.placeholder(collector_id)
