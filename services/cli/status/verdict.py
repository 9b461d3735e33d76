"""What in a hub needs a person. Pure.

A limit is some times the interval at which the hub itself works, so a busy hub is not a fault. The alerts in
deploy/prometheus/rules.yaml have the same limits.
"""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Final

from msgspec.structs import replace

from services.cli.checks import NOT_CHECKED, judge_token
from services.cli.status.shape import Sentence
from services.cli.status.words import ago

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import datetime

    from services.cli.status.shape import (
        Accounts,
        Bus,
        Database,
        HubStatus,
        Lane,
        Payments,
        ReadModel,
        RefusedAccounts,
        Relay,
        Role,
        Vault,
        Waiting,
    )

# The relay and the read models work within a second of an append.
LAG_LIMIT_S: Final = 30.0
# Lanes sweep each 5 s, 5 min and 15 min, and a failing account is retried within 60 s.
SWEEP_LIMIT_S: Final = {"fast": 60.0, "slow": 900.0, "quiet": 2700.0}
# One merchant's credential is the merchant's matter; that of many merchants is the hub's or the provider's.
REFUSED_SHARE_LIMIT: Final = 0.2
REFUSED_AT_LEAST: Final = 3
# A delivery is due again after 10 s, 20 s, 40 s and so on.
WEBHOOK_LIMIT_S: Final = 300.0
# The monitor completes a request after 10 s, and then asks the provider until it answers.
REQUEST_LIMIT_S: Final = 900.0
# NATS keeps a dead letter for 90 days. A person has seen an older one, or will not miss it.
DEAD_LETTER_LIMIT: Final = timedelta(days=1)
# The monitor ends payments within seconds; while a provider does not answer, it waits for a day at most.
OVERDUE_LIMIT_S: Final = 900.0


def judged(status: HubStatus) -> HubStatus:
    """Return the status with its attention and its verdict."""
    attention = list(_attention(status))
    if status.database is None and status.bus is None:
        return replace(status, attention=attention, verdict="unreadable")
    is_whole = not attention and not status.unread
    return replace(status, attention=attention, verdict="ok" if is_whole else "attention")


def _attention(status: HubStatus) -> Iterator[Sentence]:
    """Yield one sentence for each finding: first what stops payments, then what delays them, then what will."""
    parts = (
        ("database", _of_database(status.database)),
        ("vault", _of_vault(status.vault)),
        ("roles", _of_roles(status.roles)),
        ("nats", _of_bus(status.bus, now=status.at)),
        ("relay", _of_relay(status.relay)),
        ("read models", _of_read_models(status.read_models or [])),
        ("sweeps", _of_sweeps(status.sweeps or [])),
        ("refused", _of_refused(status.refused)),
        ("webhooks", _of_waiting(status.webhooks, WEBHOOK_LIMIT_S, "verified webhooks wait to be handled")),
        ("requests", _of_waiting(status.requests, REQUEST_LIMIT_S, "payments wait for the answer to a request")),
        ("payments", _of_payments(status.payments)),
        ("accounts", _of_accounts(status.accounts)),
        ("certificate", _of_certificate(status)),
    )
    for part, sentences in parts:
        for sentence in sentences:
            yield Sentence(part=part, sentence=sentence)


def _of_database(database: Database | None) -> Iterator[str]:
    if database is None:
        return
    if not database.accepts_writes:
        yield "PostgreSQL accepts no writes: no payment can be created."
    if database.schema == "unfit":
        yield f"The schema is of a newer version ({database.newest_migration}): use that version's program."
    if database.schema == "behind":
        yield "Migrations are missing: run `extrato migrate`."
    if database.archive == "failing":
        yield f"PostgreSQL archived its write-ahead log last {ago(database.not_archived_s)}."


def _of_vault(vault: Vault | None) -> Iterator[str]:
    if vault is not None and not vault.decrypts:
        yield "The vault's key does not decrypt the stored secrets."


def _of_roles(roles: list[Role]) -> Iterator[str]:
    for role in roles:
        if role.seen is False:
            yield f"{role.name}: {role.reason}"
        elif role.readiness not in {None, "ok"}:
            yield f"{role.name} is {role.readiness}: {role.reason or 'its health port gives no reason.'}"


def _of_bus(bus: Bus | None, *, now: datetime) -> Iterator[str]:
    if bus is None:
        return
    if bus.missing_streams:
        yield f"Missing streams: {', '.join(bus.missing_streams)}."
    elif not bus.publishes:
        yield "The stream of payments does not take messages."
    if bus.missing_copies:
        yield f"Subscribers find no copy of {', '.join(bus.missing_copies)}."
    for difference in bus.differences:
        yield f"A stream differs from the hub's: {difference}."
    newest_at = bus.newest_dead_letter_at
    if newest_at is not None and now - newest_at < DEAD_LETTER_LIMIT:
        refused_ago = ago((now - newest_at).total_seconds())
        yield f"A consumer refused a message {refused_ago}; {bus.dead_letters} are under dead.>."


def _of_relay(relay: Relay | None) -> Iterator[str]:
    if relay is None:
        return
    if not relay.has_leader:
        yield "No process publishes the log on NATS."
    if (relay.behind_s or 0.0) > LAG_LIMIT_S:
        yield f"{relay.behind} events are not published; the oldest was recorded {ago(relay.behind_s)}."


def _of_read_models(read_models: list[ReadModel]) -> Iterator[str]:
    for each in read_models:
        if each.position is None:
            yield f"{each.name} was never built: it lacks the whole log."
        elif (each.behind_s or 0.0) > LAG_LIMIT_S:
            how = "catches up" if each.is_moving else "is being rebuilt" if each.is_rebuilding else "stands still"
            yield f"{each.name} {how}, {each.behind} events behind; the oldest was recorded {ago(each.behind_s)}."
        if each.passed_over:
            yield f"{each.name} skipped {each.passed_over} events."


def _of_sweeps(lanes: list[Lane]) -> Iterator[str]:
    for lane in lanes:
        limit_s = SWEEP_LIMIT_S.get(lane.lane, SWEEP_LIMIT_S["quiet"])
        late = [each for each in lane.oldest if each.age_s > limit_s]
        if late:
            yield (
                f"The {lane.lane} lane is late: {late[0].account} was swept {ago(late[0].age_s)}"
                f"{f', and others too ({len(late)} of the oldest ten)' if len(late) > 1 else ''}."
            )


def _of_refused(accounts: RefusedAccounts | None) -> Iterator[str]:
    if accounts is None or accounts.refused < REFUSED_AT_LEAST:
        return
    if accounts.refused > REFUSED_SHARE_LIMIT * accounts.swept:
        yield f"The provider refuses the credentials of {accounts.refused} of {accounts.swept} accounts."


def _of_waiting(waiting: Waiting | None, limit_s: float, what: str) -> Iterator[str]:
    if waiting is not None and (waiting.oldest_s or 0.0) > limit_s:
        yield f"{waiting.waiting} {what}; the oldest came {ago(waiting.oldest_s)}."


def _of_payments(payments: Payments | None) -> Iterator[str]:
    if payments is not None and (payments.most_overdue_s or 0.0) > OVERDUE_LIMIT_S:
        yield f"{payments.overdue} payments should have ended; the first one {ago(payments.most_overdue_s)}."


def _of_accounts(accounts: Accounts | None) -> Iterator[str]:
    if accounts is not None:
        found = judge_token(accounts.earliest_token_end)
        if found.status != "ok":
            yield found.sentence


def _of_certificate(status: HubStatus) -> Iterator[str]:
    found = status.certificate
    # The public address is often out of reach for an operator's machine, which is no fault of the hub.
    if found is not None and found.status != "ok" and not found.sentence.startswith(NOT_CHECKED):
        yield found.sentence
