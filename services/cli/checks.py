"""The checks of `extrato check`: one function each, which returns a finding. Nothing is created or changed.

No finding contains a secret: addresses appear without user and password.
"""

from __future__ import annotations

import ssl
import time
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING, Final, Literal
from urllib.parse import urlsplit

import aiohttp
import asyncpg
from msgspec import Struct

from extrato.assembly import vault_keys
from extrato.bus.survey import missing_copies, survey_bus
from extrato.certificates import certificate_end_s
from extrato.errors import BusRefused, BusUnavailable
from extrato.loopback import is_loopback
from extrato.process import CannotStart
from extrato.settings import MERCADO_PAGO_API, MIGRATION_DATABASE_URL
from extrato.store.log_sealing import is_log_sealed
from extrato.store.migrations import UnfitSchema, read_schema
from extrato.store.payment_keys import MOST_COUNTED_KEYS, count_keys
from extrato.store.rights import may_rewrite_log, missing_rights
from extrato.store.token_ends import earliest_token_end
from extrato.store.unavailable import DATABASE_UNAVAILABLE
from extrato.store.unknown_topics import LOOKED_AT, unknown_topics
from extrato.store.vault import Vault
from extrato.store.vault_keys import InvalidVaultKey
from extrato.store.vault_rotation import check_all_decrypt
from services.cli import preflight

if TYPE_CHECKING:
    from extrato.settings import Settings
    from extrato.store.token_ends import TokenEnd

ANSWER_WITHIN_S: Final = 5.0
OLDEST_POSTGRESQL: Final = 15

# Signatures of webhooks and expiry times of charges depend on the clock.
CLOCK_WARNING_S: Final = 5.0
CLOCK_PROBLEM_S: Final = 60.0
# `Date` has whole seconds.
CLOCK_PRECISION_S: Final = 1.0

# Decrypting 5,000 secrets takes a tenth of a second; a table may have millions.
NEWEST_SECRETS: Final = 5_000

CERTIFICATE_WARNING_DAYS: Final = 21
# The merchant must make another token, so the warning comes early enough for a person.
TOKEN_WARNING_DAYS: Final = 14

NOT_CHECKED: Final = "Not checked"

Status = Literal["ok", "warning", "problem"]


class Finding(Struct, frozen=True, kw_only=True):
    """The result of one check; `sentence` is for the operator."""

    check: str
    status: Status
    sentence: str


def _ok(check: str, sentence: str) -> Finding:
    return Finding(check=check, status="ok", sentence=sentence)


def _warning(check: str, sentence: str) -> Finding:
    return Finding(check=check, status="warning", sentence=sentence)


def _problem(check: str, sentence: str) -> Finding:
    return Finding(check=check, status="problem", sentence=sentence)


def not_checked(check: str, why: str) -> Finding:
    """Return the finding of a check that could not run."""
    return _warning(check, f"{NOT_CHECKED}: {why}.")


async def examine(settings: Settings) -> list[Finding]:
    """Run every check against the servers of `settings`; takes some seconds for each server that does not answer."""
    return [
        *await _check_postgresql(settings),
        *await _check_nats(settings),
        *await _check_copies(settings),
        *await _check_provider(settings),
        await check_certificate(settings),
    ]


async def _check_postgresql(settings: Settings) -> list[Finding]:
    findings = [await _check_migration_role(settings)] if settings.migration_database_url else []
    try:
        await preflight.check_database(settings.database_url)
        connection = await asyncpg.connect(
            settings.database_url, timeout=ANSWER_WITHIN_S, command_timeout=ANSWER_WITHIN_S
        )
    except CannotStart as error:
        why = "PostgreSQL cannot be used"
        return [
            *findings,
            _problem("postgresql", str(error)),
            *(not_checked(check, why) for check in ("schema", "events", "rights", "vault", "tokens")),
        ]
    try:
        findings += [await _check_version(connection), await _check_schema(connection)]
        if findings[-1].status != "problem":
            findings += [
                await _check_events(connection),
                await _check_rights(connection),
                await _check_vault(settings, connection),
                judge_token(await earliest_token_end(connection)),
            ]
        else:
            why = "the schema is not that of this version"
            findings += [not_checked(check, why) for check in ("events", "rights", "vault", "tokens")]
    except (asyncpg.PostgresError, *DATABASE_UNAVAILABLE) as error:
        findings.append(_problem("postgresql", f"PostgreSQL refuses a query: {str(error) or type(error).__name__}."))
    finally:
        connection.terminate()
    return findings


async def _check_migration_role(settings: Settings) -> Finding:
    try:
        await preflight.check_database(settings.migration_database_url, setting=MIGRATION_DATABASE_URL)
    except CannotStart as error:
        return _problem("migrations", str(error))
    return _ok("migrations", "The role of the migrations can connect.")


async def _check_version(connection: asyncpg.Connection) -> Finding:
    # Debian's ends with the version of its package.
    version = (await connection.fetchval("SHOW server_version")).split()[0]
    name = f"PostgreSQL {version}"
    if await connection.fetchval("SELECT pg_is_in_recovery()"):
        return _problem("postgresql", f"{name} is a standby, which accepts no writes.")
    if await connection.fetchval("SHOW default_transaction_read_only") == "on":
        return _problem("postgresql", f"{name} accepts no writes: default_transaction_read_only is on.")
    if connection.get_server_version().major < OLDEST_POSTGRESQL:
        return _warning("postgresql", f"{name} is older than {OLDEST_POSTGRESQL}, the oldest supported version.")
    return _ok("postgresql", f"{name} answers and accepts writes.")


async def _check_schema(connection: asyncpg.Connection) -> Finding:
    try:
        schema = await read_schema(connection)
    except UnfitSchema as error:
        return _problem("schema", error.message)
    if schema.missing:
        return _problem("schema", f"{len(schema.missing)} migrations are missing: run `extrato migrate`.")
    if schema.newer:
        newer = ", ".join(schema.newer)
        return _warning("schema", f"Every migration is applied, and of a newer version (rolling): {newer}.")
    if not await is_log_sealed(connection):
        sentence = (
            "Every migration is applied, but older events, or their old rows in the files, have personal "
            "data in plain text: run `extrato seal-log`."
        )
        return _warning("schema", sentence)
    return _ok("schema", "Every migration is applied.")


async def _check_events(connection: asyncpg.Connection) -> Finding:
    if topics := await unknown_topics(connection, timeout_s=ANSWER_WITHIN_S):
        named = ", ".join(topics)
        return _problem(
            "events",
            f"Events of a newer version: {named}. Calls about their payments and merchants fail: use that version.",
        )
    return _ok("events", f"This version knows the newest {LOOKED_AT:,} events.")


async def _check_rights(connection: asyncpg.Connection) -> Finding:
    role = await connection.fetchval("SELECT current_user")
    if lacking := await missing_rights(connection):
        return _problem("rights", f"Role {role} lacks {', '.join(lacking)}: run `extrato migrate`.")
    if await may_rewrite_log(connection):
        return _warning("rights", f"Role {role} could rewrite the log: give the migrations their own role.")
    return _ok("rights", f"Role {role} has the rights of services, and cannot rewrite the log.")


async def _check_vault(settings: Settings, connection: asyncpg.Connection) -> Finding:
    try:
        keys = vault_keys(settings, may_create=False)
        keys.current()
        checked = await check_all_decrypt(connection, Vault(connection, keys), newest=NEWEST_SECRETS)
    except InvalidVaultKey as error:
        return _problem("vault", error.message)
    keys_of_payments = await count_keys(connection)
    checked_secrets = f"{checked} checked, at most {NEWEST_SECRETS} of each table"
    usable, destroyed = _number(keys_of_payments.usable), _number(keys_of_payments.destroyed)
    return _ok(
        "vault",
        f"The vault's key decrypts the stored secrets ({checked_secrets}). "
        f"Keys of payments: {usable} usable, {destroyed} destroyed.",
    )


def _number(counted: int) -> str:
    return f"{counted} or more" if counted == MOST_COUNTED_KEYS else str(counted)


def judge_token(end: TokenEnd | None) -> Finding:
    """Return the finding for the access token that ends first. The hub runs on without it, so it is no problem."""
    if end is None:
        return _ok("tokens", "The end of no access token is known.")
    if end.days_left <= 0:
        return _warning("tokens", f"The access token of {end.account} has ended.")
    sentence = f"The access token of {end.account} is valid for {end.days_left:.0f} more days."
    return (_warning if end.days_left < TOKEN_WARNING_DAYS else _ok)("tokens", sentence)


async def _check_nats(settings: Settings) -> list[Finding]:
    if not settings.nats_url:
        return [_problem("nats", "EXTRATO_NATS_URL is not set."), not_checked("streams", "there is no NATS")]
    try:
        await preflight.check_nats(settings.nats_url)
        found = await survey_bus(settings.nats_url)
    except (CannotStart, BusUnavailable, BusRefused) as error:
        return [_problem("nats", str(error)), not_checked("streams", "NATS cannot be used")]
    nats = _ok("nats", f"NATS {found.version} answers, with JetStream.")
    if found.missing_streams:
        missing = ", ".join(found.missing_streams)
        return [nats, _warning("streams", f"Missing streams, which the first role creates at its start: {missing}.")]
    if not found.publishes:
        return [nats, _problem("streams", "The stream of payments does not take messages.")]
    if found.differences:
        return [nats, _warning("streams", f"Streams differ from the hub's: {'; '.join(found.differences)}.")]
    return [nats, _ok("streams", "Every stream exists as the hub creates it, and takes messages.")]


async def _check_copies(settings: Settings) -> list[Finding]:
    if not settings.copies_nats_url:
        return []
    try:
        missing = await missing_copies(settings.copies_nats_url)
    except (BusUnavailable, BusRefused) as error:
        return [_problem("copies", f"EXTRATO_COPIES_NATS_URL: {error.message}")]
    if missing:
        return [_warning("copies", f"Missing copies, which the role projections creates: {', '.join(missing)}.")]
    return [_ok("copies", "Every copy for subscribers exists.")]


async def _check_provider(settings: Settings) -> list[Finding]:
    host = urlsplit(settings.mercado_pago_url).hostname or ""
    try:
        async with (
            aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=ANSWER_WITHIN_S)) as session,
            session.get(settings.mercado_pago_url, allow_redirects=False) as response,
        ):
            date = response.headers.get("Date", "")
    except (aiohttp.ClientError, TimeoutError, ValueError) as error:
        reason = type(error).__name__
        return [
            _problem("mercado_pago", f"{host} does not answer ({reason})."),
            not_checked("clock", "Mercado Pago does not answer"),
        ]
    is_real = settings.mercado_pago_url == MERCADO_PAGO_API
    answers = f"{host} answers"
    provider = _ok("mercado_pago", f"{answers}.") if is_real else _warning("mercado_pago", f"{answers}; it is a test.")
    return [provider, check_clock(date, now_s=time.time())]


def check_clock(date: str, *, now_s: float) -> Finding:
    """Compare this machine's clock with the header `Date` of an answer that just arrived."""
    try:
        theirs_s = parsedate_to_datetime(date).timestamp()
    except ValueError:
        return not_checked("clock", "the answer of Mercado Pago has no date")
    # The header is cut to whole seconds, so equal clocks may differ by up to one second. `ahead_s` is the middle
    # of that second, and `off_s` the smallest possible difference.
    ahead_s = now_s - theirs_s - CLOCK_PRECISION_S / 2
    off_s = max(0.0, abs(ahead_s) - CLOCK_PRECISION_S / 2)
    sentence = f"The clock is {abs(ahead_s):.0f} s {'ahead of' if ahead_s > 0 else 'behind'} Mercado Pago's."
    if off_s > CLOCK_PROBLEM_S:
        return _problem("clock", sentence)
    if off_s > CLOCK_WARNING_S:
        return _warning("clock", sentence)
    return _ok("clock", "The clock agrees with Mercado Pago's.")


async def check_certificate(settings: Settings) -> Finding:
    """Verify the certificate of the public address."""
    parts = urlsplit(settings.public_url)
    host = parts.hostname or ""
    if parts.scheme.lower() != "https":
        if is_loopback(host):
            return _ok("certificate", "The public address is of this machine only, without TLS.")
        return _warning("certificate", "EXTRATO_PUBLIC_URL is not https: payers reach the hub without TLS.")
    try:
        ends_s = await certificate_end_s(host, parts.port or 443)
    except ssl.SSLCertVerificationError as error:
        return _problem("certificate", f"The certificate of {host} is not valid: {error.verify_message}.")
    except (OSError, TimeoutError) as error:
        return not_checked("certificate", f"{host} cannot be reached from here ({type(error).__name__})")
    return judge_certificate(host, days=(ends_s - time.time()) / 86_400)


def judge_certificate(host: str, *, days: float) -> Finding:
    """Return the finding for a valid certificate that ends in `days` days."""
    sentence = f"The certificate of {host} is valid for {days:.0f} more days."
    return (_warning if days < CERTIFICATE_WARNING_DAYS else _ok)("certificate", sentence)
