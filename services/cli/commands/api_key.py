"""`extrato api-key …` and `extrato admin-key …`: the keys of a merchant, and the admin keys, which act for all."""

from __future__ import annotations

from datetime import UTC
from typing import TYPE_CHECKING

from extrato.domain import merchant as domain
from extrato.domain.api_keys import HUB_SCOPES, SCOPES, RevokeApiKey, without_oldest_revoked
from extrato.domain.errors import Refused
from extrato.store.key_uses import read_uses
from extrato.use_cases.change_merchant import DEFAULT_SCOPES, change_merchant, new_api_key
from extrato.use_cases.merchant_directory import read_api_keys, read_merchant
from services.cli.commands.merchant import slug_option
from services.cli.commands.running import running_hub
from services.cli.first_admin_key import SCOPES as ADMIN_SCOPES

if TYPE_CHECKING:
    from argparse import ArgumentParser, Namespace
    from collections.abc import Mapping
    from datetime import datetime

    from extrato.domain.api_keys import KeyRecord


def issue_options(parser: ArgumentParser) -> None:
    """Add slug, name, scopes and `--listed-prices-only`."""
    slug_option(parser)
    _name_option(parser)
    _scope_option(parser, SCOPES, DEFAULT_SCOPES)
    parser.add_argument(
        "--listed-prices-only",
        action="store_true",
        help="the key orders products at the merchant's prices, and cannot set one",
    )


def issue_admin_options(parser: ArgumentParser) -> None:
    """Add name and scopes of an admin key."""
    _name_option(parser)
    parser.set_defaults(slug=domain.RESERVED_SLUG, listed_prices_only=False)
    _scope_option(parser, HUB_SCOPES, ADMIN_SCOPES)


def revoke_options(parser: ArgumentParser) -> None:
    """Add slug and key id."""
    slug_option(parser)
    _key_option(parser)


def revoke_admin_options(parser: ArgumentParser) -> None:
    """Add the id of an admin key."""
    admin_options(parser)
    _key_option(parser)


def admin_options(parser: ArgumentParser) -> None:
    """Set the reserved slug of admin keys."""
    parser.set_defaults(slug=domain.RESERVED_SLUG)


def _name_option(parser: ArgumentParser) -> None:
    parser.add_argument("--name", help="what the key is for, such as 'till 2'; the list shows it")


def _scope_option(parser: ArgumentParser, scopes: frozenset[str], default: tuple[str, ...]) -> None:
    parser.add_argument(
        "--scope",
        action="append",
        choices=sorted(scopes),
        help=f"repeat for several scopes (default: {', '.join(default)})",
    )
    parser.set_defaults(default_scopes=default)


def _key_option(parser: ArgumentParser) -> None:
    parser.add_argument("key_id", help="the id of the key, as the list shows it")


async def issue(arguments: Namespace, environment: Mapping[str, str]) -> None:
    """Print a new key and nothing else; no command can print it again."""
    slug = arguments.slug
    scopes = tuple(sorted(set(arguments.scope or arguments.default_scopes)))
    api_key, command = new_api_key(slug, scopes, listed_prices_only=arguments.listed_prices_only, name=arguments.name)
    async with running_hub(environment) as running:
        await change_merchant(running.hub, slug, [command], cause=running.cause)
    print(api_key)


async def list_keys(arguments: Namespace, environment: Mapping[str, str]) -> None:
    """Print one line per key: id, name, scopes, and when it was issued, last used and revoked."""
    async with running_hub(environment) as running:
        merchant, _ = await read_merchant(running.hub.log, arguments.slug)
        if isinstance(merchant, domain.Unregistered):
            raise Refused("merchant_not_found", arguments.slug)
        used = await read_uses(running.pool, arguments.slug)
        for record in without_oldest_revoked(await read_api_keys(running.hub.log, arguments.slug)):
            print(_line(record, used.get(record.issued.key_id)))


def _line(record: KeyRecord, used_at: datetime | None) -> str:
    """Return a key as tab-separated columns; uses are stored once a minute, so times have no seconds."""
    issued = record.issued
    columns = [
        issued.key_id,
        issued.name or "-",
        " ".join(issued.scopes) + (" (listed prices only)" if issued.listed_prices_only else ""),
        f"issued {_minute(record.issued_at)}",
        "not used" if used_at is None else f"used {_minute(used_at)}",
    ]
    if record.revoked_at is not None:
        columns.append(f"revoked {_minute(record.revoked_at)}")
    return "\t".join(columns)


def _minute(at: datetime) -> str:
    return at.astimezone(UTC).strftime("%Y-%m-%dT%H:%MZ")


async def revoke(arguments: Namespace, environment: Mapping[str, str]) -> None:
    """Revoke a key."""
    command = RevokeApiKey(key_id=arguments.key_id)
    async with running_hub(environment) as running:
        await change_merchant(running.hub, arguments.slug, [command], cause=running.cause)
    print(f"{arguments.key_id}: revoked; every gateway refuses it within a second.")
