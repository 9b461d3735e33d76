"""The methods of `/v1`: each stands for a provider and that provider's method."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Final

from contracts.providers import DIRECT_PIX, MERCADO_PAGO

if TYPE_CHECKING:
    from contracts.v1.types import MethodName

MERCADO_PAGO_PIX: Final[MethodName] = "mercado_pago_pix"
# By the method of `/v1`: the provider and its method, and how long the payment may be paid by default.
CHARGED_BY: Final[dict[MethodName, tuple[str, str, timedelta]]] = {
    "pix": (DIRECT_PIX, "pix", timedelta(minutes=30)),
    MERCADO_PAGO_PIX: (MERCADO_PAGO, "pix", timedelta(minutes=30)),
    "mercado_pago_checkout": (MERCADO_PAGO, "checkout", timedelta(days=1)),
}
# By the provider and the method of the payment's intent.
METHODS: Final = {(provider, of_provider): method for method, (provider, of_provider, _) in CHARGED_BY.items()}
