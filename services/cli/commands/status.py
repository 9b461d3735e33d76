"""`extrato status`: the state of the whole hub on one screen; reads PostgreSQL and NATS, and changes neither."""

from __future__ import annotations

from argparse import ArgumentTypeError
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Final
from urllib.parse import urlsplit

import msgspec

import contracts
from extrato.process import CannotStart
from extrato.settings import InvalidSettings, Settings
from services.cli.commands.running import with_addresses
from services.cli.status.read import read_status
from services.cli.status.screen import screen
from services.cli.status.shape import HubStatus, Sentence

if TYPE_CHECKING:
    from argparse import ArgumentParser, Namespace
    from collections.abc import Mapping

    from services.cli.status.shape import Verdict

EXIT_CODES: Final[dict[Verdict, int]] = {"ok": 0, "attention": 1, "unreadable": 2}


def status_options(parser: ArgumentParser) -> None:
    """Add the arguments of `status`."""
    parser.add_argument("--json", action="store_true", help="print one JSON document")
    parser.add_argument(
        "--role",
        action="append",
        default=[],
        type=health_port,
        metavar="NAME=URL",
        help="also ask this health port, such as gateway=http://127.0.0.1:8080; may be repeated",
    )


def health_port(text: str) -> tuple[str, str]:
    """Return a role and the URL of its health port."""
    name, _, url = text.partition("=")
    if not name or urlsplit(url).scheme not in {"http", "https"} or not urlsplit(url).hostname:
        raise ArgumentTypeError("must be NAME=URL, such as gateway=http://127.0.0.1:8080")
    return name, url


async def status(arguments: Namespace, environment: Mapping[str, str]) -> None:
    """Print the status; ends with exit code 1 when something needs attention, and 2 when nothing can be read."""
    found = await _read(arguments, environment)
    print(msgspec.json.encode(found).decode() if arguments.json else screen(found))
    if code := EXIT_CODES[found.verdict]:
        raise SystemExit(code)


async def _read(arguments: Namespace, environment: Mapping[str, str]) -> HubStatus:
    """Read the hub of the settings, or the one that runs in the home."""
    try:
        settings = Settings.from_environment(environment)
        is_in_home = not settings.database_url
        if is_in_home:
            settings = with_addresses(settings, environment)
    except (InvalidSettings, CannotStart) as error:
        return _unreadable(str(error))
    return await read_status(settings, health_ports=arguments.role, is_in_home=is_in_home)


def _unreadable(why: str) -> HubStatus:
    return HubStatus(
        at=datetime.now(UTC),
        version=contracts.__version__,
        verdict="unreadable",
        attention=[],
        unread=[Sentence(part="settings", sentence=why)],
    )
