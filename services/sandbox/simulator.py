"""The simulated provider as a whole: its parts, and the one way in which a payment changes."""

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
    """Holds the parts that handlers work with; built by `app` only."""

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
        """Save a payment that was `created` or `updated`, announce it, and watch what the clock does to it.

        The caller commits before it tells anyone; the doors do so for every handler.
        """
        self.store.save_payment(payment)
        self.outbox.announce(payment, action=action)
        self.timetable.watch(payment)

    def keep(self, payment: Payment) -> None:
        """Save a refund that is in process, which changes nothing that the payment shows and is not announced."""
        self.store.save_payment(payment, is_searchable=False)

    async def shown(self, payment: Payment) -> dict[str, Any]:
        """Return the JSON object of a payment, with its picture while it can be paid by Pix."""
        picture = await self.picture_of(payment)
        return payment_body(
            payment,
            account=self.account_of(payment.collector_id),
            public_url=self.settings.public_url,
            qr_code_base64=picture,
        )

    async def picture_of(self, payment: Payment) -> str | None:
        """Return the picture of a Pix that can be paid now, `None` for anything else."""
        is_payable = payment.qr_code is not None and payment.status == "pending"
        return await self.pictures.of(payment.qr_code) if is_payable and payment.qr_code else None

    def account_of(self, collector_id: int) -> Account:
        """Return the merchant of a record, nameless if it left the configuration."""
        return self.accounts.of_collector(collector_id) or self.accounts.nameless(collector_id)
