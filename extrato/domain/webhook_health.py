"""Whether the webhooks of a merchant's accounts arrive: when an alarm begins, and when it ends.

A part of the aggregate in `merchant.py`, divided like it. A *missed change* is one that a sweep found, and about which
no verified webhook arrived within `GRACE`. Only such changes begin an alarm, so that a stranger's unverified deliveries
cannot: they only explain a change that was missed anyway.
"""

from __future__ import annotations

from collections import Counter
from datetime import datetime, timedelta
from typing import Final

from msgspec import Struct

from contracts.events import ProviderDisconnected, WebhooksFailing, WebhooksRecovered

# --- state --------------------------------------------------------------------------------------

# By provider: the last event about the webhooks of the account.
WebhookStates = dict[str, WebhooksFailing | WebhooksRecovered]
WebhookEvent = WebhooksFailing | WebhooksRecovered


def evolve(states: WebhookStates, event: WebhookEvent | ProviderDisconnected) -> WebhookStates:
    """Apply one event; a disconnected account has no alarm."""
    others = {provider: state for provider, state in states.items() if provider != event.provider}
    return others if isinstance(event, ProviderDisconnected) else {**others, event.provider: event}


# --- rules --------------------------------------------------------------------------------------

GRACE: Final = timedelta(seconds=60)
"""How long after a sweep found a change its webhook may arrive; Mercado Pago's take up to 32 seconds."""

FRESH: Final = timedelta(minutes=10)
"""A sweep that finds an older change proves nothing: the hub itself may have been stopped when the webhook came."""

MISSED_IN_A_ROW: Final = 3
MISSED_OF_RECENT: Final = 10
RECENT: Final = 20

QUIET: Final = timedelta(minutes=5)
"""An alarm ends after this time without a missed change, so that half a failure does not end and begin all the time."""

VERIFIED_IN_A_ROW: Final = 3
NOT_RECEIVED: Final = "not_received"


# --- commands -----------------------------------------------------------------------------------


class MissedChange(Struct, frozen=True, kw_only=True):
    """A change that only a sweep brought.

    `verified` and `brought` are the counts of the account when the sweep found it: verified deliveries, and changes
    that webhooks brought. `verdict` is that of a refused delivery about the same resource, if one arrived.
    """

    payment_id: int
    found_at: datetime
    verified: int
    brought: int
    verdict: str | None


class JudgeWebhooks(Struct, frozen=True, kw_only=True):
    """Decide at `at` whether an account's webhooks fail, from its newest missed changes and its counts.

    `missed_count` is the number of all missed changes that are still stored.
    """

    provider: str
    at: datetime
    missed: tuple[MissedChange, ...]
    missed_count: int
    verified: int
    brought: int
    verified_at: datetime | None


# --- decisions ----------------------------------------------------------------------------------


def decide(command: JudgeWebhooks, states: WebhookStates) -> list[WebhookEvent]:
    """Return the alarm that begins or ends; none when nothing changes."""
    state = states.get(command.provider)
    missed = sorted({(each.found_at, each.payment_id): each for each in command.missed}.items())
    changes = [each for _, each in missed]
    if isinstance(state, WebhooksFailing):
        if not _works_again(command, changes, state):
            return []
        return [
            WebhooksRecovered(
                provider=command.provider,
                failing_since=state.since,
                recovered_at=command.at,
                missed=max(state.missed, command.missed_count),
            )
        ]
    if state is not None:
        changes = [each for each in changes if each.found_at > state.recovered_at]
    failing = _failing(command, changes)
    return [] if failing is None else [failing]


def _failing(command: JudgeWebhooks, missed: list[MissedChange]) -> WebhooksFailing | None:
    """Several in a row without any verified delivery, or half of the recent changes, unless that is over."""
    if not missed or _arrive_again(command, missed[-1]):
        return None
    in_a_row = [each for each in missed if each.verified >= command.verified]
    if len(in_a_row) >= MISSED_IN_A_ROW:
        return _alarm(command, in_a_row)
    recent = missed[-MISSED_OF_RECENT:]
    if len(recent) == MISSED_OF_RECENT and len(recent) + command.brought - recent[0].brought <= RECENT:
        return _alarm(command, recent)
    return None


def _alarm(command: JudgeWebhooks, missed: list[MissedChange]) -> WebhooksFailing:
    verdicts = Counter(each.verdict for each in missed if each.verdict is not None)
    reason = NOT_RECEIVED
    if 2 * verdicts.total() >= len(missed):
        reason = f"signature_{min(verdicts, key=lambda verdict: (-verdicts[verdict], verdict))}"
    return WebhooksFailing(
        provider=command.provider,
        reason=reason,
        since=missed[0].found_at,
        missed=len(missed),
        changes=len(missed) + max(0, command.brought - missed[0].brought),
    )


def _works_again(command: JudgeWebhooks, missed: list[MissedChange], state: WebhooksFailing) -> bool:
    if missed:
        return _arrive_again(command, missed[-1])
    return command.verified_at is not None and command.verified_at > state.since


def _arrive_again(command: JudgeWebhooks, last_missed: MissedChange) -> bool:
    """A webhook brought a change, or several arrived, after the last missed change, which is `QUIET` ago."""
    is_brought = command.brought > last_missed.brought
    has_several = command.verified - last_missed.verified >= VERIFIED_IN_A_ROW
    return (is_brought or has_several) and command.at - last_missed.found_at >= QUIET
