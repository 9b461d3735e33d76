"""The merchant with whom a newcomer tries the hub, connected to the simulated provider."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Final

from contracts.envelope import Cause
from extrato.assembly import open_hub
from extrato.domain import merchant as domain
from extrato.ports import Credential
from extrato.process import open_bus, open_database
from extrato.use_cases.merchants import MerchantDirectory, change_merchant, connect_provider, new_api_key

if TYPE_CHECKING:
    from pathlib import Path

    from extrato.settings import Settings

SLUG: Final = "padaria-do-marcos"
PRICES_CENTAVOS: Final = {"Pão Francês": 50, "Bolo de Chocolate": 3000}

# The account that the simulated provider knows from the start.
CREDENTIAL: Final = Credential(
    access_token="APP_USR-0000000000000001-112300-0123456789abcdef0123456789abcdef-174087000",  # noqa: S106
    webhook_secret="demo-webhook-secret-of-padaria-do-marcos",  # noqa: S106
    account_id="174087000",
)


async def prepare_demo(settings: Settings) -> str:
    """Register the demo merchant, unless it is there, and give its API key; the same at every start."""
    key_file = settings.home / "demo-api-key"
    cause = Cause(correlation_id="demo", actor="operator")
    async with (
        open_database(settings, connections=2) as pool,
        open_bus(settings, name="cli") as bus,
        open_hub(settings, pool=pool, bus=bus) as hub,
    ):
        commands: list[domain.Command] = [
            domain.Register(slug=SLUG, name="Padaria do Marcos", city="Sao Paulo"),
            domain.SetPixKey(kind="evp", key="123e4567-e12b-12d1-a456-426655440000"),
            *(domain.PriceProduct(name=name, price_centavos=price) for name, price in PRICES_CENTAVOS.items()),
        ]
        await change_merchant(hub, SLUG, commands, cause=cause)
        await connect_provider(hub, SLUG, "mercado_pago", CREDENTIAL, cause=cause)
        if key_file.exists():
            api_key = key_file.read_text(encoding="ascii").strip()
            if await MerchantDirectory(hub.log).recognise(api_key) is not None:
                return api_key
        api_key, issue = new_api_key(SLUG)
        await change_merchant(hub, SLUG, [issue], cause=cause)
        _keep(key_file, api_key)
        return api_key


def _keep(key_file: Path, api_key: str) -> None:
    """Write the key where only its owner can read it."""
    descriptor = os.open(key_file, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "w", encoding="ascii") as file:
        file.write(api_key + "\n")


def request_to_try(settings: Settings, api_key: str) -> str:
    """Give a command that creates a payment, to be pasted into a terminal."""
    body = '{"padaria_slug": "padaria-do-marcos", "items": [{"nome": "Pão Francês", "quantidade": 10}]}'
    address = f"{settings.public_url}/payments/api/generate-link/"
    return f"curl {address} -H 'Authorization: Bearer {api_key}' -H 'Content-Type: application/json' -d '{body}'"
