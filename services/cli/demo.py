"""The merchant with whom a newcomer tries the hub, connected to the simulated provider."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from extrato.domain import merchant as domain
from extrato.domain.connections import ConnectProvider
from extrato.ports import Credential
from extrato.use_cases.merchants import (
    DEFAULT_SCOPES,
    MerchantDirectory,
    change_merchant,
    new_api_key,
    read_merchant,
)
from services.cli.key_file import keep_key, kept_key

if TYPE_CHECKING:
    from contracts.envelope import Cause
    from extrato.settings import Settings
    from extrato.use_cases.hub import Hub

SLUG: Final = "padaria-do-marcos"
PROVIDER: Final = "mercado_pago"
PRICES_CENTAVOS: Final = {"Pão Francês": 50, "Bolo de Chocolate": 3000}

# A newcomer plays the bank too.
SCOPES: Final = (*DEFAULT_SCOPES, "confirm")

# The account that the simulated provider knows from the start.
CREDENTIAL: Final = Credential(
    access_token="APP_USR-0000000000000001-112300-0123456789abcdef0123456789abcdef-174087000",  # noqa: S106
    webhook_secret="demo-webhook-secret-of-padaria-do-marcos",  # noqa: S106
    account_id="174087000",
)


async def prepare_demo(hub: Hub, settings: Settings, *, cause: Cause) -> str:
    """Register the demo merchant, unless it is there, and give its API key; the same at every start.

    A merchant that is there stays as somebody may have changed it.
    """
    merchant, _ = await read_merchant(hub.log, SLUG)
    if not isinstance(merchant, domain.Registered):
        commands: list[domain.Command] = [
            domain.Register(slug=SLUG, name="Padaria do Marcos", city="Sao Paulo"),
            domain.SetPixKey(kind="evp", key="123e4567-e12b-12d1-a456-426655440000"),
            *(domain.PriceProduct(name=name, price_centavos=price) for name, price in PRICES_CENTAVOS.items()),
            ConnectProvider(
                provider=PROVIDER,
                account_id=CREDENTIAL.account_id,
                credential_digest=CREDENTIAL.digest,
                pix_api=CREDENTIAL.pix_api,
            ),
        ]
        # The provider is not asked, for it is not running yet; and all is recorded at once, so that a start that
        # breaks off leaves no half of a merchant.
        await hub.vault.put(SLUG, PROVIDER, CREDENTIAL)
        await change_merchant(hub, SLUG, commands, cause=cause)
    key_file = settings.home / "demo-api-key"
    api_key = kept_key(key_file)
    if api_key is None or await MerchantDirectory(hub.log).recognise(api_key) is None:
        api_key, issue = new_api_key(SLUG, SCOPES)
        keep_key(key_file, api_key)
        await change_merchant(hub, SLUG, [issue], cause=cause)
    return api_key


def request_to_try(settings: Settings, api_key: str) -> str:
    """Give a command that creates a payment, to be pasted into a terminal."""
    body = '{"padaria_slug": "padaria-do-marcos", "items": [{"nome": "Pão Francês", "quantidade": 10}]}'
    address = f"{settings.public_url}/payments/api/generate-link/"
    return f"curl {address} -H 'Authorization: Bearer {api_key}' -H 'Content-Type: application/json' -d '{body}'"
