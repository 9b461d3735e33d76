"""The providers, by their names in events, rows and answers."""

from __future__ import annotations

from typing import Final

DIRECT_PIX: Final = "pix"
"""A Pix to the merchant's own key: the hub makes the charge, and the bank confirms it."""

MERCADO_PAGO: Final = "mercado_pago"

CONNECTED_PROVIDERS: Final = (MERCADO_PAGO,)
"""The providers at which a merchant has an account."""

PROVIDERS: Final = (DIRECT_PIX, *CONNECTED_PROVIDERS)

PIX_APIS: Final = ("payments", "orders")
"""The APIs of Mercado Pago that create a Pix charge."""
