"""Shows a status as one screen of text; its length does not depend on the number of merchants. Pure."""

from __future__ import annotations

from itertools import islice
from typing import TYPE_CHECKING, Final

from services.cli.status.words import age, size

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from extrato.store.token_ends import TokenEnd
    from services.cli.status.shape import (
        Bus,
        Database,
        HubStatus,
        Lane,
        Log,
        ReadModel,
        RefusedAccounts,
        Relay,
        Role,
        Sentence,
        SweptAccount,
        Vault,
    )

VERDICTS: Final = {"ok": "all is well", "attention": "needs attention", "unreadable": "cannot be read"}
LABEL: Final = 13
WORST: Final = 10
LANES: Final = ("fast", "slow", "quiet")


def screen(status: HubStatus) -> str:
    """Return the whole screen, without a line break at its end."""
    return "\n".join(_lines(status))


def _lines(status: HubStatus) -> Iterator[str]:
    yield f"extrato {status.version} at {status.at:%Y-%m-%d %H:%M:%S} UTC: {VERDICTS[status.verdict]}"
    yield from _sentences("Needs attention", status.attention)
    yield from _sentences("Not read", status.unread)
    yield ""
    yield _line("roles", "; ".join(map(_role, status.roles)))
    if status.database is not None:
        yield _line("database", _database(status.database))
    if status.log is not None:
        yield _line("log", _log(status.log))
    if status.relay is not None:
        yield _line("relay", _relay(status.relay))
    for each in status.read_models or ():
        yield _line("read model", _read_model(each))
    if status.bus is not None:
        yield from _bus(status.bus)
    for lane in sorted(status.sweeps or (), key=lambda lane: LANES.index(lane.lane)):
        yield _line("sweeps", _lane(lane))
    if status.refused is not None and status.refused.refused:
        yield _line("refused", _refused(status.refused))
    yield from _work(status)
    if status.vault is not None:
        yield _line("vault", _vault(status.vault))
    if status.certificate is not None:
        yield _line("certificate", status.certificate.sentence)


def _vault(vault: Vault) -> str:
    keys = f"{vault.keys} keys" if vault.keys > 1 else "1 key"
    return f"{keys} · keys of payments: {vault.payment_keys} usable, {vault.destroyed_keys} destroyed"


def _line(label: str, text: str) -> str:
    return f"{label:{LABEL}}{text}"


def _sentences(heading: str, sentences: Iterable[Sentence]) -> Iterator[str]:
    lines = [_line(each.part, each.sentence) if len(each.part) < LABEL else each.sentence for each in sentences]
    if lines:
        yield ""
        yield f"{heading}:"
        yield from (f"  {line}" for line in lines)


def _role(role: Role) -> str:
    if role.seen is None:
        return f"{role.name} not asked"
    if not role.seen:
        return f"{role.name} NOT SEEN"
    return f"{role.name} {role.readiness or 'works'}"


def _database(database: Database) -> str:
    archive = "failing" if database.archive == "failing" else database.archive
    return (
        f"PostgreSQL {database.version}, {size(database.size_bytes)}, schema {database.schema}"
        f" ({database.newest_migration or 'empty'}), WAL archive {archive}"
    )


def _log(log: Log) -> str:
    newest = "empty" if log.recorded_at is None else f"newest event {age(log.age_s)} old"
    return f"position {log.position}, {newest}, epoch {log.epoch}"


def _relay(relay: Relay) -> str:
    leader = "has a leader" if relay.has_leader else "NO LEADER"
    if relay.published is None:
        return f"{leader}, published position unknown"
    behind = f", {relay.behind} events behind ({age(relay.behind_s)})" if relay.behind else ""
    return f"{leader}, published up to {relay.published}{behind}"


def _read_model(each: ReadModel) -> str:
    where = "never built" if each.position is None else f"position {each.position}"
    parts = [f"{each.name}: {where}"]
    if each.behind:
        parts.append(f"{each.behind} events behind ({age(each.behind_s)}), {'moves' if each.is_moving else 'stands'}")
    if each.is_rebuilding:
        parts.append("being rebuilt")
    if each.passed_over:
        parts.append(f"skipped {each.passed_over}")
    return ", ".join(parts)


def _bus(bus: Bus) -> Iterator[str]:
    yield _line(
        "nats",
        f"{bus.version}, {'takes messages' if bus.publishes else 'TAKES NO MESSAGES'}, {bus.dead_letters} dead letters",
    )
    for fill in bus.streams:
        copy = next((copy for copy in bus.copies if copy.stream == fill.stream), None)
        copied = "" if copy is None else f", its copy for subscribers is {copy.behind} behind"
        yield _line("stream", f"{fill.stream}: {fill.messages} messages, {size(fill.size_bytes)}{copied}")


def _lane(lane: Lane) -> str:
    return f"{lane.lane}: {lane.accounts} accounts, oldest sweep {age(lane.oldest_s)} ago ({_named(lane.oldest)})"


def _refused(accounts: RefusedAccounts) -> str:
    return f"credentials of {accounts.refused} of {accounts.swept} accounts, not swept for: {_named(accounts.oldest)}"


def _named(swept: Iterable[SweptAccount]) -> str:
    return ", ".join(f"{each.account} {age(each.age_s)}" for each in islice(swept, WORST))


def _work(status: HubStatus) -> Iterator[str]:
    if status.payments is not None:
        each = status.payments
        overdue = f", {each.overdue} past their end (first {age(each.most_overdue_s)} ago)" if each.overdue else ""
        yield _line("payments", f"{each.open} open, {each.watched} watched, {each.uncharged} without a charge{overdue}")
    for label, waiting in (("webhooks", status.webhooks), ("requests", status.requests)):
        if waiting is not None:
            oldest = f", the oldest for {age(waiting.oldest_s)}" if waiting.waiting else ""
            yield _line(label, f"{waiting.waiting} waiting{oldest}")
    if status.accounts is not None:
        accounts = status.accounts
        token = f", oldest access token stored {age(accounts.oldest_credential_s)} ago" if accounts.connected else ""
        end = _token_end(accounts.earliest_token_end)
        yield _line("accounts", f"{accounts.merchants} merchants, {accounts.connected} connected accounts{token}{end}")


def _token_end(end: TokenEnd | None) -> str:
    if end is None:
        return ""
    left = f"ends in {end.days_left:.0f} d" if end.days_left > 0 else "has ended"
    return f", that of {end.account} {left}"
