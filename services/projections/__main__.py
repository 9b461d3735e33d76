"""The projections process, and the operator's commands for read models."""

from __future__ import annotations

import argparse
import sys
from typing import TYPE_CHECKING

from extrato.process import run, run_role
from services.projections.app import list_passed_over, rebuild_by_name, serve

if TYPE_CHECKING:
    from collections.abc import Sequence


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command, or without a command run the service until a signal; return the exit code."""
    parser = argparse.ArgumentParser(
        prog="python -m services.projections", description="Keep the read models up to date."
    )
    commands = parser.add_subparsers(dest="command", metavar="command")
    rebuild = commands.add_parser("rebuild", help="rebuild a read model from the log while it is in use")
    rebuild.add_argument("name", help="name of the read model, or all")
    commands.add_parser(
        "passed-over",
        help="list the events that read models skipped",
        description="List the events that read models skipped, and why. To apply them, rebuild the read model. "
        "An event cannot be applied alone, because later events have changed the same rows.",
    )
    arguments = parser.parse_args(argv)
    if arguments.command == "rebuild":
        return run("projections", lambda settings: rebuild_by_name(settings, arguments.name))
    if arguments.command == "passed-over":
        return run("projections", list_passed_over)
    return run_role("projections", serve)


if __name__ == "__main__":
    sys.exit(main())
