"""The projections process, and the rebuilding of a read model by hand."""

from __future__ import annotations

import argparse
import sys
from typing import TYPE_CHECKING

from extrato.process import run
from services.projections.app import rebuild_by_name, serve

if TYPE_CHECKING:
    from collections.abc import Sequence


def main(words: Sequence[str] | None = None) -> int:
    """Run until stopped by a signal, or rebuild and end; gives the exit code."""
    parser = argparse.ArgumentParser(prog="python -m services.projections", description="Keep the read models.")
    commands = parser.add_subparsers(dest="command", metavar="command")
    rebuilding = commands.add_parser("rebuild", help="build a read model anew from the log, while it is in use")
    rebuilding.add_argument("name", help="name of the read model, or all")
    arguments = parser.parse_args(words)
    if arguments.command == "rebuild":
        return run("projections", lambda settings: rebuild_by_name(settings, arguments.name))
    return run("projections", serve)


if __name__ == "__main__":
    sys.exit(main())
