"""The command line of the hub: `extrato <command>`."""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import getpass
import os
import select
import signal
import sys
from typing import TYPE_CHECKING, Final, NamedTuple

from contracts import __version__
from extrato.domain.errors import Refused
from extrato.errors import ExtratoError
from extrato.logs import configure_logging
from extrato.process import CannotStart
from extrato.settings import InvalidSettings
from services.cli.commands import api_key, connection, export_person, forget, hold, merchant, payer_tokens, vault
from services.cli.commands.backup import backup
from services.cli.commands.check import check, check_options
from services.cli.commands.evidence import evidence, evidence_options
from services.cli.commands.migrate import migrate, migrate_options
from services.cli.commands.restore import restore, restore_options
from services.cli.commands.restored import report, restored, restored_options
from services.cli.commands.roles import rebuild_options, role
from services.cli.commands.seal_log import seal_log
from services.cli.commands.status import status, status_options
from services.cli.commands.up import up

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine, Iterator, Mapping, Sequence


class Command(NamedTuple):
    """One command: `options` adds its arguments to the parser, `run` returns the coroutine to run."""

    words: str
    summary: str
    options: Callable[[argparse.ArgumentParser], object]
    run: Callable[[argparse.Namespace, Mapping[str, str]], Coroutine[object, object, None]]


def _up_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--with-parent", action="store_true", help="stop when the process that started this one is killed"
    )


def _no_options(_parser: argparse.ArgumentParser) -> None:
    """Add no arguments."""


# The one list of commands.
COMMANDS: Final = (
    Command(
        "up",
        "run the whole hub on this machine until Ctrl-C",
        _up_options,
        lambda arguments, environment: up(environment, with_parent=arguments.with_parent),
    ),
    Command("gateway", "run the gateway: HTTP, webhooks, pages and sockets", _no_options, role("services.gateway")),
    Command("monitor", "run the monitor: asks providers, ends payments", _no_options, role("services.monitor")),
    Command("projections", "run the projections: read models and relay", _no_options, role("services.projections")),
    Command(
        "rebuild",
        "rebuild a read model from the log while it is in use",
        rebuild_options,
        role("services.projections", "rebuild"),
    ),
    Command(
        "passed-over",
        "list the events that read models skipped, with the reasons",
        _no_options,
        role("services.projections", "passed-over"),
    ),
    Command("migrate", "apply the missing migrations of the database", migrate_options, migrate),
    Command("seal-log", "seal personal data that older versions stored", _no_options, seal_log),
    Command("check", "check settings, servers, rights, keys and clock", check_options, check),
    Command("status", "show the state of the whole hub on one screen", status_options, status),
    Command("merchant register", "register a merchant", merchant.register_options, merchant.register),
    Command("merchant rename", "change name or city", merchant.rename_options, merchant.rename),
    Command("merchant list", "print one line per merchant", _no_options, merchant.list_merchants),
    Command("merchant show", "print a merchant as JSON", merchant.slug_option, merchant.show),
    Command("merchant pix-key", "set or remove the Pix key", merchant.pix_key_options, merchant.pix_key),
    Command("merchant price", "set the price of a product", merchant.price_options, merchant.price),
    Command("merchant withdraw", "withdraw a product", merchant.product_options, merchant.withdraw),
    Command("merchant connect", "connect a provider account", connection.connect_options, connection.connect),
    Command("merchant rotate", "replace the access token of the account", connection.token_options, connection.rotate),
    Command(
        "merchant webhook-secret", "replace the webhook secret", connection.secret_options, connection.webhook_secret
    ),
    Command(
        "merchant disconnect",
        "delete the credential of a provider account",
        connection.connection_options,
        connection.disconnect,
    ),
    Command("api-key issue", "issue an API key of a merchant and print it", api_key.issue_options, api_key.issue),
    Command(
        "api-key list",
        "print one line per API key of a merchant, revoked ones too",
        merchant.slug_option,
        api_key.list_keys,
    ),
    Command("api-key revoke", "revoke an API key", api_key.revoke_options, api_key.revoke),
    Command("admin-key issue", "issue an admin key and print it", api_key.issue_admin_options, api_key.issue),
    Command(
        "admin-key list", "print one line per admin key, revoked ones too", api_key.admin_options, api_key.list_keys
    ),
    Command("admin-key revoke", "revoke an admin key", api_key.revoke_admin_options, api_key.revoke),
    Command("evidence", "list the evidence of a payment, or show one piece as JSON", evidence_options, evidence),
    Command("backup", "take a base backup of the embedded PostgreSQL into EXTRATO_ARCHIVE", _no_options, backup),
    Command("restore", "create a home from an archive, as of a point in time", restore_options, restore),
    Command(
        "restored",
        "start a new epoch of the log after a restore from a backup",
        restored_options,
        lambda arguments, environment: (report if arguments.report else restored)(arguments, environment),
    ),
    Command(
        "payer-tokens rotate", "replace the secret of payer tokens", payer_tokens.rotate_options, payer_tokens.rotate
    ),
    Command("forget", "forget a payer: print the plan, or with --yes do it", forget.forget_options, forget.forget),
    Command(
        "forgotten", "write the list of forgotten payments into a file", forget.forgotten_options, forget.forgotten
    ),
    Command("hold", "hold a payment: its payer is not forgotten", hold.hold_options, hold.hold),
    Command("release", "end the hold of a payment", hold.release_options, hold.release),
    Command(
        "export-person",
        "print what the hub holds of a payer, as JSON",
        export_person.export_options,
        export_person.export_person,
    ),
    Command("vault rotate", "encrypt every secret with a new key", vault.rotate_options, vault.rotate),
)


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command and return the exit code."""
    with _ending_with_the_reader():
        arguments = _parser().parse_args(argv)
        return run(arguments.run(arguments, os.environ))


@contextlib.contextmanager
def _ending_with_the_reader() -> Iterator[None]:
    """End without a traceback when the reader of the output has closed the pipe, as in `extrato merchant list | head`.

    The exit code is that of a program ended by SIGPIPE.
    """
    try:
        try:
            yield
        finally:
            _flush()
    except BrokenPipeError:
        if not _reader_has_gone():
            raise
        # Python flushes the buffered rest when the process ends.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        raise SystemExit(128 + signal.SIGPIPE) from None


def _flush() -> None:
    if sys.stdout is not None:
        sys.stdout.flush()


def _reader_has_gone() -> bool:
    """Return True when standard output is a pipe without a reader; poll(2) reports its errors without a request."""
    output = select.poll()
    output.register(sys.stdout, 0)
    return bool(output.poll(0))


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="extrato", description="A payment hub for Brazilian merchants.")
    parser.add_argument("--version", action="version", version=f"extrato {__version__}")
    nouns = parser.add_subparsers(required=True, metavar="command")
    verbs_of: dict[str, argparse._SubParsersAction[argparse.ArgumentParser]] = {}
    for command in COMMANDS:
        noun, _, verb = command.words.partition(" ")
        if not verb:
            added = nouns.add_parser(noun, help=command.summary, description=command.summary)
        else:
            if noun not in verbs_of:
                verbs = ", ".join(
                    other.words.partition(" ")[2] for other in COMMANDS if other.words.startswith(f"{noun} ")
                )
                verbs_of[noun] = nouns.add_parser(noun, help=verbs).add_subparsers(required=True, metavar="verb")
            added = verbs_of[noun].add_parser(verb, help=command.summary, description=command.summary)
        command.options(added)
        added.set_defaults(run=command.run)
    return parser


def run(command: Coroutine[object, object, None]) -> int:
    """Run a command and return its exit code; an error that the operator can correct prints one sentence."""
    # Files of the hub are for its own user only, unless the code sets another mode.
    os.umask(0o077)
    configure_logging("warning")
    try:
        asyncio.run(command)
    except (CannotStart, InvalidSettings, Refused, ExtratoError) as error:
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
