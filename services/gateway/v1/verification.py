"""When the hub last asked a provider about a payment, and when it asks again; asks no provider.

An answer must not show a later time than its payment: the state might be from before that question. So a question
counts only if the answer shows all that it found.
"""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Final, NamedTuple

import asyncpg
from msgspec import Struct

from extrato.domain.payment.identifiers import stream_id
from extrato.domain.sweep_lanes import FAST, QUIET, SLOW, lane_of, next_sweep
from extrato.settings import MERCADO_PAGO_API
from extrato.store.unavailable import raising_unavailable
from extrato.use_cases.payments import load_payment
from services.gateway.http.positions import not_built

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from contracts.read_models import PaymentDetails
    from extrato.use_cases.payments import LoadedPayment
    from services.gateway.gateway import Gateway

TIMEOUT_S: Final = 2.0

LAST_SWEEP: Final = "SELECT high_water FROM sweep_cursors WHERE account = $1"
# One snapshot: the stream has everything that these two questions found.
LATEST: Final = """
    SELECT
        (SELECT max(originator_version) FROM stored_events WHERE originator_id = $1) AS version,
        (SELECT high_water FROM sweep_cursors WHERE account = $2) AS swept_at,
        (SELECT answered_at FROM provider_answers WHERE payment_id = $3) AS answered_at
"""
# The sweep that counts is the last one, or the one before, that the read model shows.
SWEEPS: Final = """
    SELECT shown.position, account, high_water,
        CASE WHEN sweep.position <= shown.position THEN high_water
             WHEN earlier_position <= shown.position THEN earlier_high_water END AS shown_until
    FROM (SELECT max(position) AS position FROM checkpoints WHERE read_model = $1) AS shown
    LEFT JOIN sweep_cursors AS sweep ON account = ANY ($2::text[])
"""
# The rows of payments that a payer may still pay, or whose attempts are in flight, as the monitor reads them.
OPEN: Final = """
    SELECT asked.payment_id, open.payment_id IS NOT NULL AS is_open, watch_until, answered_at
    FROM unnest($1::bigint[]) AS asked (payment_id)
    LEFT JOIN open_payments AS open ON open.payment_id = asked.payment_id
    LEFT JOIN provider_answers AS answer ON answer.payment_id = asked.payment_id AND answer.position <= $2
"""
# Mercado Pago's credentials for tests begin so; its test accounts have ordinary ones.
TEST_TOKEN: Final = "TEST-"  # noqa: S105 - a prefix


class Verification(Struct, frozen=True, kw_only=True):
    """What the hub knows of a payment's provider. Both times are None for a charge that no provider holds.

    `is_live` is False where no money moves: at the simulated provider, or with a credential for tests.
    """

    is_live: bool
    verified_at: datetime | None = None
    next_check_at: datetime | None = None


class _Account(Struct, frozen=True, kw_only=True):
    """An account at a provider."""

    has_credential: bool
    is_live: bool


class _Sweep(NamedTuple):
    """When the last search of an account began; `shown_until` is that of the last one whose findings are shown."""

    last: datetime | None
    shown_until: datetime | None


NEVER_SWEPT: Final = _Sweep(None, None)


class Shown(NamedTuple):
    """What a read model shows: the log up to `position`, and the searches of the merchant's accounts up to there."""

    position: int
    sweeps: Mapping[str, _Sweep]


# --- one payment --------------------------------------------------------------------------------


async def verified(gateway: Gateway, loaded: LoadedPayment) -> tuple[LoadedPayment, Verification]:
    """Return a payment with its verification; a payment that has changed since it was loaded is loaded again.

    Raises `StoreUnavailable` and `InvalidVaultKey`.
    """
    provider = loaded.payment.intent.provider
    account = await _account(gateway, loaded.merchant, provider)
    if account is None:
        return loaded, Verification(is_live=True)
    arguments = (stream_id(loaded.payment_id), f"{loaded.merchant}.{provider}", loaded.payment_id)
    with raising_unavailable():
        latest = await gateway.pool.fetchrow(LATEST, *arguments, timeout=TIMEOUT_S)
    if latest["version"] > loaded.version:
        loaded = await load_payment(gateway.hub, loaded.payment_id)
    sweep = _Sweep(latest["swept_at"], latest["swept_at"])
    lane = lane_of(loaded.payment, gateway.hub.now())
    return loaded, _verification(
        gateway, account, sweep, opened_at=loaded.opened_at, answered_at=latest["answered_at"], lane=lane
    )


async def verification_at_creation(gateway: Gateway, loaded: LoadedPayment) -> Verification:
    """Return the verification of a payment as it was created: no question about it counts. Raises as `verified`."""
    provider = loaded.payment.intent.provider
    account = await _account(gateway, loaded.merchant, provider)
    if account is None:
        return Verification(is_live=True)
    with raising_unavailable():
        swept_at: datetime | None = await gateway.pool.fetchval(
            LAST_SWEEP, f"{loaded.merchant}.{provider}", timeout=TIMEOUT_S
        )
    lane = lane_of(loaded.payment, gateway.hub.now())
    return _verification(
        gateway, account, _Sweep(swept_at, None), opened_at=loaded.opened_at, answered_at=None, lane=lane
    )


# --- a list -------------------------------------------------------------------------------------


async def shown_by(gateway: Gateway, merchant: str, *, read_model: str) -> Shown:
    """Return what a read model shows of a merchant's payments at least, if its rows are read afterwards.

    Raises `StoreUnavailable`, and `ReadModelBehind` until the read model is built.
    """
    accounts = [f"{merchant}.{provider}" for provider in gateway.hub.providers.remote]
    with raising_unavailable():
        rows = await gateway.pool.fetch(SWEEPS, read_model, accounts, timeout=TIMEOUT_S)
    position: int | None = rows[0]["position"]
    if position is None:
        raise not_built(read_model)
    sweeps = {row["account"]: _Sweep(row["high_water"], row["shown_until"]) for row in rows}
    return Shown(position, sweeps)


async def verifications_of(gateway: Gateway, payments: Sequence[PaymentDetails], shown: Shown) -> list[Verification]:
    """Return the verifications of payments of one merchant, with one query for all; raises as `verified`."""
    now, merchant = gateway.hub.now(), payments[0].merchant
    accounts = {
        provider: await _account(gateway, merchant, provider) for provider in {each.provider for each in payments}
    }
    ids = [each.payment_id for each in payments]
    try:
        with raising_unavailable():
            rows = await gateway.pool.fetch(OPEN, ids, shown.position, timeout=TIMEOUT_S)
    except asyncpg.UndefinedTableError as error:
        raise not_built("open_payments") from error
    found = {row["payment_id"]: row for row in rows}
    verifications = []
    for each in payments:
        account, row = accounts[each.provider], found[each.payment_id]
        if account is None:
            verifications.append(Verification(is_live=True))
            continue
        is_watched = row["watch_until"] is not None and row["watch_until"] > now
        lane = QUIET if not row["is_open"] else FAST if is_watched else SLOW
        sweep = shown.sweeps.get(f"{merchant}.{each.provider}", NEVER_SWEPT)
        verifications.append(
            _verification(gateway, account, sweep, opened_at=each.created_at, answered_at=row["answered_at"], lane=lane)
        )
    return verifications


# --- both ---------------------------------------------------------------------------------------


async def _account(gateway: Gateway, merchant: str, provider: str) -> _Account | None:
    """Return a merchant's account; None for a direct Pix, which no provider holds."""
    if provider not in gateway.hub.providers.remote:
        return None
    credential = await gateway.hub.vault.get(merchant, provider)
    is_test = credential is not None and credential.access_token.startswith(TEST_TOKEN)
    is_live = gateway.settings.mercado_pago_url == MERCADO_PAGO_API and not is_test
    return _Account(has_credential=credential is not None, is_live=is_live)


def _verification(
    gateway: Gateway,
    account: _Account,
    sweep: _Sweep,
    *,
    opened_at: datetime,
    answered_at: datetime | None,
    lane: str,
) -> Verification:
    # A search from before the payment was opened does not count.
    swept_at = sweep.shown_until if sweep.shown_until is not None and sweep.shown_until >= opened_at else None
    return Verification(
        is_live=account.is_live,
        verified_at=max((at for at in (swept_at, answered_at) if at is not None), default=None),
        # Without a credential the hub cannot ask.
        next_check_at=next_sweep(lane, last=sweep.last, now=gateway.hub.now()) if account.has_credential else None,
    )
