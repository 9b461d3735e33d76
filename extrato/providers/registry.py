"""The one list of providers."""

from __future__ import annotations

from typing import TYPE_CHECKING

from extrato.providers.mercado_pago import MercadoPago
from extrato.providers.mercado_pago_client import MercadoPagoClient
from extrato.providers.pix import PixProvider

if TYPE_CHECKING:
    import aiohttp

    from extrato.providers.port import Provider
    from extrato.settings import Settings


def providers(settings: Settings, session: aiohttp.ClientSession) -> dict[str, Provider]:
    """Build every provider, by name."""
    listed: list[Provider] = [
        PixProvider(),
        MercadoPago(MercadoPagoClient(session, settings.mercado_pago_url)),
    ]
    return {provider.name: provider for provider in listed}
