"""`extrato merchant connect …`: a merchant's account at a provider. The commands never print a secret."""

from __future__ import annotations

from argparse import ArgumentTypeError
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Final

from contracts.providers import MERCADO_PAGO, PIX_APIS
from extrato.domain import merchant as domain
from extrato.settings import Settings
from extrato.use_cases.provider_accounts import (
    DEFAULT_PIX_API,
    NewCredential,
    check_provider,
    connect_account,
    disconnect_provider,
    notification_url,
    rotate_access_token,
    rotate_webhook_secret,
)
from services.cli.commands.merchant import slug_option
from services.cli.commands.running import running_hub
from services.cli.commands.secret_input import read_secret

if TYPE_CHECKING:
    from argparse import ArgumentParser, Namespace
    from collections.abc import Mapping

ACCESS_TOKEN: Final = "access token"  # noqa: S105 - what it is called
WEBHOOK_SECRET: Final = "webhook secret"  # noqa: S105 - as above


def connection_options(parser: ArgumentParser) -> None:
    """Add slug and provider."""
    slug_option(parser)
    parser.add_argument("--provider", default=MERCADO_PAGO, help="the provider's name (default: %(default)s)")


def connect_options(parser: ArgumentParser) -> None:
    """Add slug, provider and account; token and secret come from files, from the terminal, or as two lines of input."""
    token_options(parser)
    secret_options(parser, with_connection=False)
    parser.add_argument("--account-id", help="reject a token of another account")
    parser.add_argument(
        "--pix-api",
        choices=sorted(PIX_APIS),
        default=DEFAULT_PIX_API,
        help="the API that creates a Pix (default: %(default)s)",
    )


def token_options(parser: ArgumentParser) -> None:
    """Add the file of the access token, and its end."""
    connection_options(parser)
    parser.add_argument("--access-token-file", type=Path, help="read the token from this file instead of asking")
    parser.add_argument(
        "--token-expires",
        type=token_end,
        metavar="DATE",
        help="when the token ends, such as 2027-05-31, the beginning of that day in UTC (default: unknown)",
    )


def token_end(text: str) -> datetime:
    """Read a date or a time of ISO 8601; one without an offset is UTC."""
    try:
        end = datetime.fromisoformat(text)
    except ValueError:
        raise ArgumentTypeError(f"{text!r} is not a date such as 2027-05-31") from None
    return end if end.tzinfo is not None else end.replace(tzinfo=UTC)


def secret_options(parser: ArgumentParser, *, with_connection: bool = True) -> None:
    """Add the file of the webhook secret."""
    if with_connection:
        connection_options(parser)
    parser.add_argument("--webhook-secret-file", type=Path, help="read the secret from this file instead of asking")


async def connect(arguments: Namespace, environment: Mapping[str, str]) -> None:
    """Connect an account or replace its credential; print the address for the provider's webhooks."""
    async with running_hub(environment) as running:
        await check_provider(running.hub, arguments.slug, arguments.provider)
        wanted = NewCredential(
            access_token=read_secret(ACCESS_TOKEN, arguments.access_token_file),
            webhook_secret=read_secret(WEBHOOK_SECRET, arguments.webhook_secret_file),
            account_id=arguments.account_id,
            pix_api=arguments.pix_api,
            token_expires_at=arguments.token_expires,
        )
        merchant = await connect_account(running.hub, arguments.slug, arguments.provider, wanted, cause=running.cause)
    _tell(arguments, merchant)
    # The database does not hold the public address of its gateways.
    is_known = not Settings.from_environment(environment).database_url or environment.get("EXTRATO_PUBLIC_URL")
    public_url = running.settings.public_url if is_known else "<public URL>"
    print("Paste this address into the provider's panel, for payments and orders:")
    print(notification_url(public_url, arguments.slug))


async def rotate(arguments: Namespace, environment: Mapping[str, str]) -> None:
    """Replace the access token of the connected account."""
    async with running_hub(environment) as running:
        await check_provider(running.hub, arguments.slug, arguments.provider)
        token = read_secret(ACCESS_TOKEN, arguments.access_token_file)
        merchant = await rotate_access_token(
            running.hub,
            arguments.slug,
            arguments.provider,
            token,
            token_expires_at=arguments.token_expires,
            cause=running.cause,
        )
    _tell(arguments, merchant)


async def webhook_secret(arguments: Namespace, environment: Mapping[str, str]) -> None:
    """Replace the webhook secret and keep the access token."""
    async with running_hub(environment) as running:
        await check_provider(running.hub, arguments.slug, arguments.provider)
        secret = read_secret(WEBHOOK_SECRET, arguments.webhook_secret_file)
        merchant = await rotate_webhook_secret(
            running.hub, arguments.slug, arguments.provider, secret, cause=running.cause
        )
    _tell(arguments, merchant)


async def disconnect(arguments: Namespace, environment: Mapping[str, str]) -> None:
    """Delete the credential."""
    async with running_hub(environment) as running:
        merchant = await disconnect_provider(running.hub, arguments.slug, arguments.provider, cause=running.cause)
    _tell(arguments, merchant)


def _tell(arguments: Namespace, merchant: domain.Merchant) -> None:
    accounts = merchant.connections if isinstance(merchant, domain.Registered) else {}
    connected = accounts.get(arguments.provider)
    state = f"connected to account {connected.account_id}" if connected else "not connected"
    print(f"{arguments.slug}: {arguments.provider} is {state}; every process knows within five seconds.")
