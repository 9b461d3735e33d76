"""When a provider last confirmed a payment, and when the hub looks again; asks no provider."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Final

from msgspec import Struct

from extrato.domain.sweep_lanes import next_sweep
from extrato.settings import MERCADO_PAGO_API
from extrato.store.unavailable import raising_unavailable

if TYPE_CHECKING:
    from extrato.use_cases.payments import LoadedPayment
    from services.gateway.gateway import Gateway

TIMEOUT_S: Final = 2.0
LAST_SWEEP: Final = "SELECT high_water FROM sweep_cursors WHERE account = $1"
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
    provider = loaded.payment.intent.provider
    if provider not in gateway.hub.providers.remote:
        return Verification(is_live=True)
    credential = await gateway.hub.vault.get(loaded.merchant, provider)
    swept_at = await _last_sweep(gateway, f"{loaded.merchant}.{provider}")
    # A search that ended before the payment was opened does not count.
    times = (
        swept_at if swept_at is not None and swept_at >= loaded.opened_at else None,
        gateway.provider_checks.answered_at(loaded.payment_id),
    )
    is_test = credential is not None and credential.access_token.startswith(TEST_TOKEN)
    return Verification(
        is_live=gateway.settings.mercado_pago_url == MERCADO_PAGO_API and not is_test,
        verified_at=max((at for at in times if at is not None), default=None),
        # Without a credential the hub cannot ask.
        next_check_at=next_sweep(loaded.payment, last=swept_at, now=gateway.hub.now()) if credential else None,
    )


async def _last_sweep(gateway: Gateway, account: str) -> datetime | None:
    with raising_unavailable():
        found: datetime | None = await gateway.pool.fetchval(LAST_SWEEP, account, timeout=TIMEOUT_S)
    return found
