"""The one list of providers."""

from __future__ import annotations

from typing import TYPE_CHECKING

from extrato.providers.call_budget import UNLIMITED
from extrato.providers.mercado_pago.adapter import MercadoPago
from extrato.providers.mercado_pago.client import MercadoPagoClient
from extrato.providers.pix import PixProvider
from extrato.providers.port import Providers

if TYPE_CHECKING:
    import aiohttp

    from extrato.providers.call_budget import CallBudget
    from extrato.settings import Settings


def providers(settings: Settings, session: aiohttp.ClientSession, budget: CallBudget = UNLIMITED) -> Providers:
    """Return all providers; `budget` limits the calls of each account."""
    return Providers.of(
        remote=[MercadoPago(MercadoPagoClient(session, settings.mercado_pago_url, budget))],
        local=[PixProvider()],
    )
