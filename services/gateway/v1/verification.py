"""When a provider last confirmed a payment, and when the hub looks again; asks no provider."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Final

from msgspec import Struct

from extrato.domain.sweep_lanes import FAST, QUIET, SLOW, lane_of, next_sweep
from extrato.settings import MERCADO_PAGO_API
from extrato.store.unavailable import raising_unavailable

if TYPE_CHECKING:
    from collections.abc import Sequence

    from contracts.read_models import PaymentDetails
    from extrato.use_cases.payments import LoadedPayment
    from services.gateway.gateway import Gateway

TIMEOUT_S: Final = 2.0
LAST_SWEEP: Final = "SELECT high_water FROM sweep_cursors WHERE account = $1"
# The rows of payments that a payer may still pay, or whose attempts are in flight, as the monitor reads them.
OPEN: Final = "SELECT payment_id, watch_until FROM open_payments WHERE payment_id = ANY ($1::bigint[])"
# Mercado Pago's credentials for tests begin so; its test accounts have ordinary ones.
TEST_TOKEN: Final = "TEST-"  # noqa: S105 - a prefix


class Verification(Struct, frozen=True, kw_only=True):
    """What the hub knows of a payment's provider. Both times are None for a charge that no provider holds.

    `is_live` is False where no money moves: at the simulated provider, or with a credential for tests.
    """

    is_live: bool
    verified_at: datetime | None = None
    next_check_at: datetime | None = None


async def verification_of(gateway: Gateway, loaded: LoadedPayment) -> Verification:
    """Return the verification of a payment; raises `StoreUnavailable` and `InvalidVaultKey`."""
    account = await _account(gateway, loaded.merchant, loaded.payment.intent.provider)
    lane = lane_of(loaded.payment, gateway.hub.now())
    return _verification(gateway, account, loaded.payment_id, opened_at=loaded.opened_at, lane=lane)


async def verifications_of(gateway: Gateway, payments: Sequence[PaymentDetails]) -> list[Verification]:
    """Return the verifications of payments of one merchant, with one query for all; raises as `verification_of`."""
    now = gateway.hub.now()
    accounts = {
        provider: await _account(gateway, payments[0].merchant, provider)
        for provider in {each.provider for each in payments}
    }
    with raising_unavailable():
        rows = await gateway.pool.fetch(OPEN, [each.payment_id for each in payments], timeout=TIMEOUT_S)
    is_watched = {payment_id: until is not None and until > now for payment_id, until in rows}
    lanes = {None: QUIET, False: SLOW, True: FAST}
    return [
        _verification(
            gateway,
            accounts[each.provider],
            each.payment_id,
            opened_at=each.created_at,
            lane=lanes[is_watched.get(each.payment_id)],
        )
        for each in payments
    ]


class _Account(Struct, frozen=True):
    """An account at a provider; `swept_at` is the end of its last complete search."""

    has_credential: bool
    is_live: bool
    swept_at: datetime | None


async def _account(gateway: Gateway, merchant: str, provider: str) -> _Account | None:
    """Return a merchant's account; None for a direct Pix, which no provider holds."""
    if provider not in gateway.hub.providers.remote:
        return None
    credential = await gateway.hub.vault.get(merchant, provider)
    with raising_unavailable():
        swept_at: datetime | None = await gateway.pool.fetchval(LAST_SWEEP, f"{merchant}.{provider}", timeout=TIMEOUT_S)
    is_test = credential is not None and credential.access_token.startswith(TEST_TOKEN)
    is_live = gateway.settings.mercado_pago_url == MERCADO_PAGO_API and not is_test
    return _Account(credential is not None, is_live, swept_at)


def _verification(
    gateway: Gateway, account: _Account | None, payment_id: int, *, opened_at: datetime, lane: str
) -> Verification:
    if account is None:
        return Verification(is_live=True)
    swept_at = account.swept_at
    # A search that ended before the payment was opened does not count.
    times = (
        swept_at if swept_at is not None and swept_at >= opened_at else None,
        gateway.provider_checks.answered_at(payment_id),
    )
    return Verification(
        is_live=account.is_live,
        verified_at=max((at for at in times if at is not None), default=None),
        # Without a credential the hub cannot ask.
        next_check_at=next_sweep(lane, last=swept_at, now=gateway.hub.now()) if account.has_credential else None,
    )
