"""The methods of `/v1`: each stands for a provider and that provider's method."""

from __future__ import annotations

from datetime import timedelta
from typing import Final

MERCADO_PAGO_PIX: Final = "mercado_pago_pix"
# By the method of `/v1`: the provider and its method, and how long the payment may be paid by default.
CHARGED_BY: Final = {
    "pix": ("pix", "pix", timedelta(minutes=30)),
    MERCADO_PAGO_PIX: ("mercado_pago", "pix", timedelta(minutes=30)),
    "mercado_pago_checkout": ("mercado_pago", "checkout", timedelta(days=1)),
}
# By the provider and the method of the payment's intent.
METHODS: Final = {(provider, of_provider): method for method, (provider, of_provider, _) in CHARGED_BY.items()}
