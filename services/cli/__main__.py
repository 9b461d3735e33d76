"""The command line of the hub: `extrato <command>`."""

from __future__ import annotations

import argparse
import asyncio
import getpass
import os
import sys
from typing import TYPE_CHECKING, Final, NamedTuple

from extrato.process import CannotStart
from extrato.settings import InvalidSettings
from extrato.store.vault_keys import InvalidVaultKey
from extrato.telemetry import configure_logging
from services.cli.up import up

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine, Sequence


class Command(NamedTuple):
    """A word of the command line; `options` adds what may follow it, `run` gives what is awaited."""

    summary: str
    options: Callable[[argparse.ArgumentParser], object]
    run: Callable[[argparse.Namespace], Coroutine[object, object, None]]


def _up_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--with-parent", action="store_true", help="stop when the process that started this one is killed"
    )


COMMANDS: Final = {
    "up": Command(
        summary="run the whole hub on this machine until Ctrl-C",
        options=_up_options,
        run=lambda arguments: up(os.environ, with_parent=arguments.with_parent),
    ),
}


def main(words: Sequence[str] | None = None) -> int:
    """Run one command and give the exit code."""
    parser = argparse.ArgumentParser(prog="extrato", description="A payment hub for Brazilian merchants.")
    commands = parser.add_subparsers(dest="command", required=True, metavar="command")
    for name, command in COMMANDS.items():
        command.options(commands.add_parser(name, help=command.summary, description=command.summary))
    arguments = parser.parse_args(words)
    return run(COMMANDS[arguments.command].run(arguments))


def run(command: Coroutine[object, object, None]) -> int:
    """Run a command; what a person can put right is said in one sentence, without a traceback."""
    # What a hub writes is for its own user only, unless a line of code says otherwise.
    os.umask(0o077)
    configure_logging("warning")
    try:
        asyncio.run(command)
    except (CannotStart, InvalidSettings, InvalidVaultKey) as error:
        print(f"extrato: {error}", file=sys.stderr)
        return 1
    except PermissionError as error:
        print(f"extrato: user {getpass.getuser()} may not use {error.filename}.", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 130
    return 0


if __name__ == "__main__":
    sys.exit(main())
