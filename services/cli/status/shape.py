"""What `extrato status --json` prints; docs/reference/status.md explains every part.

A part is null when it could not be read. `unread` then has the reason. Sizes are in bytes, times in seconds, and ages
are counted to the clock of PostgreSQL. No field contains a secret.
"""

from __future__ import annotations

from datetime import datetime
from typing import Literal

from msgspec import Struct

from extrato.bus.survey import CopyLag, StreamFill
from extrato.store.token_ends import TokenEnd
from services.cli.checks import Finding

Verdict = Literal["ok", "attention", "unreadable"]
Schema = Literal["current", "behind", "newer", "unfit"]
Archive = Literal["off", "working", "failing"]


class Sentence(Struct, frozen=True, kw_only=True):
    """A part of the hub, and one sentence about it for the operator."""

    part: str
    sentence: str


class Database(Struct, frozen=True, kw_only=True):
    """PostgreSQL. A `newer` schema still works with this program, an `unfit` one does not.

    `not_archived_s` is the time since the last archived file, while the archive fails.
    """

    version: str
    accepts_writes: bool
    schema: Schema
    newest_migration: str
    size_bytes: int
    archive: Archive
    not_archived_s: float | None


class Log(Struct, frozen=True, kw_only=True):
    """The end of the log, read from PostgreSQL itself. An empty log has position 0 and no time."""

    position: int
    recorded_at: datetime | None
    age_s: float | None
    epoch: int
    epoch_began_at: datetime


class Relay(Struct, frozen=True, kw_only=True):
    """How far the log is published. `published` is read from NATS; null without NATS."""

    has_leader: bool
    published: int | None
    behind: int | None
    behind_s: float | None


class ReadModel(Struct, frozen=True, kw_only=True):
    """A read model. Without a checkpoint `position` is null, and the read model is behind by the whole log.

    `behind_s` is the age of the oldest event that the read model lacks. `is_moving` says whether the position changed
    within a second; it is null when nothing is missing.
    """

    name: str
    position: int | None
    behind: int
    behind_s: float | None
    is_moving: bool | None
    passed_over: int
    is_rebuilding: bool


class Bus(Struct, frozen=True, kw_only=True):
    """NATS. `dead_letters` are the messages that a consumer refused; NATS keeps them for 90 days."""

    version: str
    publishes: bool
    missing_streams: list[str]
    differences: list[str]
    streams: list[StreamFill]
    copies: list[CopyLag]
    missing_copies: list[str]
    dead_letters: int
    newest_dead_letter_at: datetime | None


class Role(Struct, frozen=True, kw_only=True):
    """A role. `seen` is null when it was not looked for.

    `readiness` is the answer of its health port: ok, degraded or unavailable. It is null for a role that was seen only
    by the messages that it takes from NATS.
    """

    name: str
    seen: bool | None
    readiness: str | None
    reason: str


class SweptAccount(Struct, frozen=True, kw_only=True):
    """A connected account, as `merchant.provider`, and the seconds up to which its payments are known."""

    account: str
    age_s: float


class Lane(Struct, frozen=True, kw_only=True):
    """The accounts of a lane. `oldest` has at most ten, the oldest first."""

    lane: str
    accounts: int
    oldest_s: float | None
    oldest: list[SweptAccount]


class RefusedAccounts(Struct, frozen=True, kw_only=True):
    """Accounts whose credential the provider refuses, which no lane contains; `swept` also counts the other accounts.

    `oldest` has at most ten; `age_s` is the time since their last sweep, or since the credential was stored.
    """

    refused: int
    swept: int
    oldest: list[SweptAccount]


class Payments(Struct, frozen=True, kw_only=True):
    """Open payments: all of them, the watched ones, those without a charge, and those that should have ended."""

    open: int
    watched: int
    uncharged: int
    overdue: int
    most_overdue_s: float | None


class Waiting(Struct, frozen=True, kw_only=True):
    """Work that waits, and the age of the oldest piece."""

    waiting: int
    oldest_s: float | None


class Accounts(Struct, frozen=True, kw_only=True):
    """Merchants, and their connected accounts. `oldest_credential_s` is the age of the oldest stored access token.

    `earliest_token_end` is of the access token that ends first; null when no end is known.
    """

    merchants: int
    connected: int
    oldest_credential_s: float | None
    earliest_token_end: TokenEnd | None


class Vault(Struct, frozen=True, kw_only=True):
    """The vault. `decrypts` says whether a key decrypts a stored secret; null when nothing is stored.

    `payment_keys` and `destroyed_keys` count the keys of payments' personal data, each up to 100,000.
    """

    keys: int
    decrypts: bool | None
    payment_keys: int
    destroyed_keys: int


class HubStatus(Struct, frozen=True, kw_only=True):
    """The whole hub at one time. `attention` has what a person must look at, the most serious first."""

    at: datetime
    version: str
    verdict: Verdict
    attention: list[Sentence]
    unread: list[Sentence]
    database: Database | None = None
    log: Log | None = None
    relay: Relay | None = None
    read_models: list[ReadModel] | None = None
    bus: Bus | None = None
    roles: list[Role] = []
    sweeps: list[Lane] | None = None
    refused: RefusedAccounts | None = None
    payments: Payments | None = None
    webhooks: Waiting | None = None
    requests: Waiting | None = None
    accounts: Accounts | None = None
    vault: Vault | None = None
    certificate: Finding | None = None
