"""When the hub last asked a provider about a payment, and when it asks again; asks no provider.

An answer must not show a later time than its payment: the state might be from before that question. So a question
counts only if the answer shows all that it found.
"""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Final, NamedTuple

from msgspec import Struct

from extrato.domain.payment.identifiers import stream_id
from extrato.domain.sweep_lanes import QUIET, lane_of, next_sweep
from extrato.settings import MERCADO_PAGO_API
from extrato.store.unavailable import raising_unavailable
from extrato.use_cases.payments import load_payment

if TYPE_CHECKING:
    from extrato.use_cases.payments import LoadedPayment
    from services.gateway.gateway import Gateway
    from services.gateway.v1.payment_search import Page, Row

TIMEOUT_S: Final = 2.0

LAST_SWEEP: Final = "SELECT high_water FROM sweep_cursors WHERE account = $1"
# One snapshot: the stream has everything that these two questions found.
LATEST: Final = """
    SELECT
        (SELECT max(originator_version) FROM stored_events WHERE originator_id = $1) AS version,
        (SELECT high_water FROM sweep_cursors WHERE account = $2) AS swept_at,
        (SELECT answered_at FROM provider_answers WHERE payment_id = $3) AS answered_at
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


OF_NO_PROVIDER: Final = Verification(is_live=True)


class _Account(Struct, frozen=True, kw_only=True):
    """An account at a provider."""

    has_credential: bool
    is_live: bool


class Sweep(NamedTuple):
    """When the last search of an account began; `shown_until` is that of the last one whose findings are shown."""

    last: datetime | None
    shown_until: datetime | None


NEVER_SWEPT: Final = Sweep(None, None)


# --- one payment --------------------------------------------------------------------------------


async def verified(gateway: Gateway, loaded: LoadedPayment) -> tuple[LoadedPayment, Verification]:
    """Return a payment with its verification; a payment that has changed since it was loaded is loaded again.

    Raises `StoreUnavailable` and `InvalidVaultKey`.
    """
    provider = loaded.payment.intent.provider
    account = await _account(gateway, loaded.merchant, provider)
    if account is None:
        return loaded, OF_NO_PROVIDER
    arguments = (stream_id(loaded.payment_id), f"{loaded.merchant}.{provider}", loaded.payment_id)
    with raising_unavailable():
        latest = await gateway.pool.fetchrow(LATEST, *arguments, timeout=TIMEOUT_S)
    if latest["version"] > loaded.version:
        loaded = await load_payment(gateway.hub, loaded.payment_id)
    sweep = Sweep(latest["swept_at"], latest["swept_at"])
    now, answered_at = gateway.hub.now(), latest["answered_at"]
    lane = lane_of(loaded.payment, now)
    return loaded, _verification(
        account, sweep, opened_at=loaded.opened_at, answered_at=answered_at, lane=lane, now=now
    )


async def verification_at_creation(gateway: Gateway, loaded: LoadedPayment) -> Verification:
    """Return the verification of a payment as it was created: no question about it counts. Raises as `verified`."""
    provider = loaded.payment.intent.provider
    account = await _account(gateway, loaded.merchant, provider)
    if account is None:
        return OF_NO_PROVIDER
    with raising_unavailable():
        swept_at: datetime | None = await gateway.pool.fetchval(
            LAST_SWEEP, f"{loaded.merchant}.{provider}", timeout=TIMEOUT_S
        )
    now, sweep = gateway.hub.now(), Sweep(swept_at, None)
    lane = lane_of(loaded.payment, now)
    return _verification(account, sweep, opened_at=loaded.opened_at, answered_at=None, lane=lane, now=now)


# --- a list -------------------------------------------------------------------------------------


async def verifications_of(gateway: Gateway, page: Page) -> list[Verification]:
    """Return the verifications of the payments of a page; raises as `verified`."""
    merchant, now = page.rows[0].details.merchant, gateway.hub.now()
    accounts = {
        provider: (
            await _account(gateway, merchant, provider),
            page.sweeps.get(f"{merchant}.{provider}", NEVER_SWEPT),
        )
        for provider in {row.details.provider for row in page.rows}
    }
    return [_verification_of(row, *accounts[row.details.provider], now=now) for row in page.rows]


def _verification_of(row: Row, account: _Account | None, sweep: Sweep, *, now: datetime) -> Verification:
    if account is None:
        return OF_NO_PROVIDER
    opened_at, lane = row.details.created_at, row.lane or QUIET
    return _verification(account, sweep, opened_at=opened_at, answered_at=row.answered_at, lane=lane, now=now)


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
    account: _Account,
    sweep: Sweep,
    *,
    opened_at: datetime,
    answered_at: datetime | None,
    lane: str,
    now: datetime,
) -> Verification:
    # A search from before the payment was opened does not count.
    verified_at = sweep.shown_until if sweep.shown_until is not None and sweep.shown_until >= opened_at else None
    if answered_at is not None and (verified_at is None or answered_at > verified_at):
        verified_at = answered_at
    return Verification(
        is_live=account.is_live,
        verified_at=verified_at,
        # Without a credential the hub cannot ask.
        next_check_at=next_sweep(lane, last=sweep.last, now=now) if account.has_credential else None,
    )
