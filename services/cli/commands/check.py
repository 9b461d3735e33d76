"""`extrato check`: finds out whether the hub could run with these settings, and says it in one line per check."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, get_args

import msgspec

from extrato.process import CannotStart
from extrato.settings import InvalidSettings, Settings
from services.cli.checks import Finding, Status, examine
from services.cli.commands.running import with_addresses

if TYPE_CHECKING:
    from argparse import ArgumentParser, Namespace
    from collections.abc import Mapping

STATUSES: Final = get_args(Status)


def check_options(parser: ArgumentParser) -> None:
    """Add the arguments of `check`."""
    parser.add_argument("--json", action="store_true", help="print one JSON document")


async def check(arguments: Namespace, environment: Mapping[str, str]) -> None:
    """Print every finding; ends with exit code 1 when one of them is a problem."""
    findings = await _findings(environment)
    worst = max((finding.status for finding in findings), key=STATUSES.index)
    if arguments.json:
        print(msgspec.json.encode({"status": worst, "checks": findings}).decode())
    else:
        for finding in findings:
            print(f"{finding.status:8}{finding.check:13}{finding.sentence}")
    if worst == "problem":
        raise SystemExit(1)


async def _findings(environment: Mapping[str, str]) -> list[Finding]:
    """Check the servers of the settings, or those of the hub that runs in the home."""
    try:
        settings = Settings.from_environment(environment)
        if not settings.database_url:
            settings = with_addresses(settings, environment)
    except (InvalidSettings, CannotStart) as error:
        return [Finding(check="settings", status="problem", sentence=f"{error} Nothing else was checked.")]
    return [Finding(check="settings", status="ok", sentence="Every setting is valid."), *await examine(settings)]
