"""The bodies that several routes share, with labels and local times."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone
from typing import TYPE_CHECKING, Final

from contracts.api import ListedPayment, PaidAttempt, PaymentStatus, PricedItem
from contracts.payment_status import SETTLED
from contracts.providers import DIRECT_PIX
from extrato.domain.money import to_reais
from extrato.domain.payment.state import Charged, Opened

if TYPE_CHECKING:
    from contracts.events import Item
    from contracts.read_models import PaymentDetails
    from extrato.domain.payment.ledger import Ledger
    from extrato.use_cases.payments import LoadedPayment

# Brasília is three hours behind UTC all year: Decreto 9.772/2019 ended daylight saving time.
BRASILIA: Final = timezone(timedelta(hours=-3))

LABELS: Final = {
    "pending": "Pendente",
    "approved": "Aprovado",
    "authorized": "Autorizado",
    "in_process": "Em Processamento",
    "in_mediation": "Em Mediação",
    "rejected": "Rejeitado",
    "cancelled": "Cancelado",
    "refunded": "Estornado",
    "charged_back": "Contestado",
}
LABEL_OF_UNKNOWN: Final = "Em Análise"


def label(status: str) -> str:
    """Return the Portuguese label of a status."""
    return LABELS.get(status, LABEL_OF_UNKNOWN)


def local_time(at: datetime) -> str:
    """Format a time as the reference system does: Brasília time, with microseconds and offset."""
    return at.astimezone(BRASILIA).isoformat(timespec="microseconds")


def local_time_or_none(at: datetime | None) -> str | None:
    """Format a time as `local_time` does; None where there is none."""
    return None if at is None else local_time(at)


def priced(items: tuple[Item, ...]) -> list[PricedItem]:
    """Build the lines of an order with their prices."""
    return [
        PricedItem(
            nome=item.name,
            quantidade=item.quantity,
            preco_unitario=to_reais(item.unit_price_centavos),
            subtotal=to_reais(item.unit_price_centavos * item.quantity),
        )
        for item in items
    ]


def payment_status(
    loaded: LoadedPayment,
    *,
    padaria_name: str,
    payer_email: str | None,
    synced_at: datetime | None,
    changed: bool,
    is_payer: bool,
) -> PaymentStatus:
    """Build the status of one payment; a payer gets no e-mail address, attempts or alerts.

    A direct Pix has no provider to ask, so that it is never synced.
    """
    payment = loaded.payment
    intent, charge = payment.intent, (payment.charge if isinstance(payment, Charged) else None)
    ledger, total = payment.ledger, payment.ledger.total
    is_provided = intent.provider != DIRECT_PIX
    return PaymentStatus(
        success=True,
        payment_id=loaded.payment_id,
        mp_payment_id=_attempt_of(payment) if is_provided else None,
        preference_id=charge.charge_id if charge and intent.method == "checkout" else None,
        external_reference=intent.external_reference,
        status=payment.status,
        status_detail=payment.status_detail,
        status_label=label(payment.status),
        amount=to_reais(intent.amount_centavos),
        description=intent.description,
        checkout_url=_way_to_pay(
            charge.checkout_url if charge else None,
            holds_money=bool(ledger.held_by or total.disputed) and payment.status not in SETTLED,
        ),
        padaria_name=padaria_name,
        payer_email=payer_email,
        paid_at=local_time_or_none(ledger.paid_at),
        created_at=local_time(loaded.opened_at),
        updated_at=local_time(loaded.updated_at),
        synced=is_provided and synced_at is not None,
        synced_at=local_time_or_none(synced_at) if is_provided else None,
        status_changed=changed,
        held_amount=to_reais(total.held),
        refunded_amount=to_reais(total.refunded),
        disputed_amount=to_reais(total.disputed),
        attempts=[] if is_payer else attempts_of(ledger),
        alerts=[] if is_payer else list(payment.alerts),
    )


def attempts_of(ledger: Ledger) -> list[PaidAttempt]:
    """Build the list of all attempts, in the order in which the hub first observed them."""
    shares = {name: ledger.share(name) for name in ledger.attempts}
    return [
        PaidAttempt(
            mp_payment_id=name,
            status=attempt.status,
            status_detail=attempt.status_detail,
            amount=to_reais(attempt.amount_centavos),
            held_amount=to_reais(shares[name].held),
            refunded_amount=to_reais(shares[name].refunded),
            currency=attempt.currency,
        )
        for name, attempt in ledger.attempts.items()
    ]


def _attempt_of(payment: Opened) -> str | None:
    """Return the provider's id of the deciding attempt, else of the newest, else of the charge itself."""
    charged = payment.charge.attempt_id if isinstance(payment, Charged) else None
    return payment.attempt_id or next(reversed(payment.attempts), None) or charged


def _way_to_pay(checkout_url: str | None, *, holds_money: bool) -> str | None:
    """Return the provider's checkout; None while the merchant holds money that does not pay the whole charge."""
    return None if holds_money else checkout_url


def listed(details: PaymentDetails, *, payer_email: str | None) -> ListedPayment:
    """Build a payment of a list; the document has `payer_email` sealed."""
    is_provided = details.provider != DIRECT_PIX
    return ListedPayment(
        payment_id=details.payment_id,
        mp_payment_id=(details.attempt_id or details.newest_attempt_id) if is_provided else None,
        preference_id=details.charge_id if details.method == "checkout" else None,
        status=details.status,
        status_label=label(details.status),
        amount=to_reais(details.amount_centavos),
        description=details.description,
        checkout_url=_way_to_pay(
            details.checkout_url,
            holds_money=details.status not in SETTLED
            and (details.disputed_centavos > 0 or any(each.held_centavos for each in details.attempts)),
        ),
        payer_email=payer_email,
        paid_at=local_time_or_none(details.paid_at),
        created_at=local_time(details.created_at),
        alerts=list(details.alerts),
    )
