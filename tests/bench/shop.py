"""A shop with many payments, in the read model that lists read, without the log."""

from __future__ import annotations

import math
import random
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING
from uuid import UUID

from contracts.envelope import Cause, Envelope
from contracts.events import (
    AlertRaised,
    ChargeCreated,
    Item,
    ObservationRecorded,
    PaymentEvent,
    PaymentExpired,
    PaymentOpened,
)
from extrato.domain.payment.identifiers import bank_payment_id, external_reference
from extrato.store.personal_data import EMAIL
from services.cli.demo import SLUG
from services.projections import checkpoints
from services.projections.apply import apply
from services.projections.checkpoints import Checkpoint
from services.projections.read_models.open_payments import OPEN_PAYMENTS
from services.projections.read_models.payment_details import PAYMENT_DETAILS

if TYPE_CHECKING:
    from collections.abc import Iterator

    import asyncpg

    from extrato.store.payment_keys import PaymentKeys

YEAR = timedelta(days=365)
NOW = datetime(2026, 11, 28, tzinfo=UTC)
BATCH = 5_000

PRODUCTS = [f"{kind} {taste}" for kind in ("Pão", "Bolo", "Café", "Torta", "Suco") for taste in map(str, range(40))]
METHODS = ("pix", "pix"), ("mercado_pago", "pix"), ("mercado_pago", "checkout")
STATUSES = ("approved", "expired", "rejected", "refunded", "pending")
# A word of the oldest payments only, and a word of few payments of all times.
SEASONAL, RARE = "Panetone", "Brigadeiro"

OF_NOBODY = Cause(correlation_id="bench", actor="webhook")


def e2e_id(number: int) -> str:
    """Return the EndToEndId of the direct Pix of a payment."""
    return f"E{number:031d}"


async def fill_shop(connection: asyncpg.Connection, keys: PaymentKeys, count: int) -> None:
    """Build the rows of a year's payments with the code of the projections, and their keys."""
    table = PAYMENT_DETAILS.name
    await connection.execute(PAYMENT_DETAILS.create.format(table=table))
    await connection.execute(OPEN_PAYMENTS.create.format(table=OPEN_PAYMENTS.name))
    for first in range(1, count + 1, BATCH):
        envelopes, sealed = [], []
        for number in range(first, min(first + BATCH, count + 1)):
            new = keys.new(number)
            sealed.append((number, new.seal()))
            envelopes += _life_of(number, count, new.key.seal(f"cliente.{number}@example.com", EMAIL))
        await apply(connection, PAYMENT_DETAILS, envelopes, table=table)
        await connection.copy_records_to_table("payment_keys", records=sealed, columns=("payment_id", "sealed"))
    for index in PAYMENT_DETAILS.indexes:
        await connection.execute(index.format(table=table))
    for each in (*PAYMENT_DETAILS.tables(table), "payment_keys"):
        await connection.execute(f"VACUUM ANALYZE {each}")
    await checkpoints.put(connection, table, Checkpoint(PAYMENT_DETAILS.version, 0, None))


def _life_of(number: int, count: int, email: str | None) -> Iterator[Envelope]:
    luck = random.Random(number)
    at = NOW - YEAR + YEAR * (number / count)
    ((provider, method),) = luck.choices(METHODS, (60, 38, 2))
    (status,) = luck.choices(STATUSES, (850, 120, 15, 10, 5))
    happened = [_opened(number, count, luck, provider, method, email, at)]
    if status == "expired":
        happened.append(PaymentExpired(expires_at=at + timedelta(hours=1)))
    elif status != "pending":
        amount, direct = happened[0].amount_centavos, provider == "pix"
        happened.append(
            ObservationRecorded(
                attempt_id=e2e_id(number) if direct else str(10**11 + number),
                status=status,
                status_detail="accredited",
                amount_centavos=amount,
                currency="BRL",
                refunded_centavos=amount if status == "refunded" else 0,
                observed_at=at,
                paid_at=None if status == "rejected" else at + timedelta(minutes=luck.expovariate(0.2)),
                payer_email=email,
                evidence=None,
            )
        )
    if luck.random() < 0.001:
        happened.append(AlertRaised(alert="overpaid", occurrence="bench"))
    for version, event in enumerate(happened, start=1):
        yield Envelope(
            event_id=UUID(int=number),
            stream_id=UUID(int=number),
            version=version,
            position=0,
            merchant=SLUG,
            payment_id=number,
            occurred_at=at,
            recorded_at=at,
            cause=OF_NOBODY,
            event=event,
        )


def _opened(
    number: int, count: int, luck: random.Random, provider: str, method: str, email: str | None, at: datetime
) -> PaymentEvent:
    names = luck.choices(PRODUCTS, k=luck.randint(1, 3))
    if number < count * 0.3 and luck.random() < 0.2:
        names.append(SEASONAL)
    if luck.random() < 0.015:
        names.append(RARE)
    # Most amounts are small, up to R$ 1,100.00.
    amount = int(100 * math.exp(luck.uniform(0, 7)))
    bank_id = bank_payment_id(number, UUID(int=luck.getrandbits(128), version=4))
    return PaymentOpened(
        provider=provider,
        method=method,
        amount_centavos=amount,
        currency="BRL",
        title="Pedido",
        description=f"Pedido {number} da loja do centro",
        items=tuple(Item(name, 1, amount) for name in names),
        external_reference=external_reference(number, bank_id),
        bank_payment_id=bank_id,
        payer_email=email,
        expires_at=at + timedelta(hours=1),
        reference=f"PED-{number}",
        unique_reference=False,
        metadata=None,
        return_url=None,
        charge=ChargeCreated(
            charge_id=f"charge-{number}",
            attempt_id=None,
            account_id=None,
            checkout_url="https://checkout.example/redirect",
            sandbox_url=None,
            pix_payload="00020126580014br.gov.bcb.pix0136123e4567-e12b-12d1-a456-4266554400005204000053039865802BR",
        ),
    )
