"""When the alarm about an account's webhooks begins and ends."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from msgspec.structs import replace

from contracts.events import ProviderDisconnected, WebhooksFailing, WebhooksRecovered
from extrato.domain.webhook_health import (
    MISSED_IN_A_ROW,
    MISSED_OF_RECENT,
    QUIET,
    JudgeWebhooks,
    MissedChange,
    decide,
    evolve,
)

NOON = datetime(2026, 11, 29, 12, tzinfo=UTC)
MINUTE = timedelta(minutes=1)


def missed(nth, *, verified=0, brought=0, verdict=None):
    return MissedChange(
        payment_id=nth, found_at=NOON + nth * MINUTE, verified=verified, brought=brought, verdict=verdict
    )


def judge(*changes, at=NOON + 20 * MINUTE, verified=0, brought=0, verified_at=None):
    return JudgeWebhooks(
        provider="mp",
        at=at,
        missed=changes,
        missed_count=len(changes),
        verified=verified,
        brought=brought,
        verified_at=verified_at,
    )


def states(*events):
    folded = {}
    for event in events:
        folded = evolve(folded, event)
    return folded


THREE = (missed(1), missed(2), missed(3))
FAILING = WebhooksFailing(provider="mp", reason="not_received", since=NOON + MINUTE, missed=3, changes=3)
RECOVERED = WebhooksRecovered(provider="mp", failing_since=NOON + MINUTE, recovered_at=NOON + 30 * MINUTE, missed=3)


def test_three_missed_in_a_row_begin_an_alarm_once():
    assert decide(judge(*THREE), {}) == [FAILING]
    assert decide(judge(*THREE), states(FAILING)) == []


@pytest.mark.parametrize("changes", [(), (missed(1),), (missed(1), missed(2))])
def test_fewer_missed_changes_are_no_alarm(changes):
    assert decide(judge(*changes), {}) == []


def test_verified_delivery_in_between_prevents_an_alarm():
    assert decide(judge(missed(1), missed(2, verified=1), missed(3, verified=1), verified=1), {}) == []
    assert decide(judge(*THREE, verified=1), {}) == []


def test_half_of_the_recent_changes_missed_is_an_alarm():
    changes = [missed(nth, verified=nth, brought=nth) for nth in range(MISSED_OF_RECENT)]
    [failing] = decide(judge(*changes, at=NOON + 10 * MINUTE, verified=10, brought=10), {})
    assert (failing.missed, failing.changes) == (10, 20)
    assert decide(judge(*changes, at=NOON + 10 * MINUTE, verified=11, brought=11), {}) == []


@pytest.mark.parametrize(
    ("verdicts", "reason"),
    [
        ((None, None, None), "not_received"),
        ((None, None, "mismatched"), "not_received"),
        ((None, "mismatched", "mismatched"), "signature_mismatched"),
        (("missing", "missing", "outdated"), "signature_missing"),
    ],
)
def test_verdicts_about_missed_changes_are_the_reason(verdicts, reason):
    changes = [missed(nth, verdict=verdict) for nth, verdict in enumerate(verdicts, start=1)]
    [failing] = decide(judge(*changes), {})
    assert failing.reason == reason


def test_webhook_that_brings_a_change_ends_the_alarm_after_a_quiet_time():
    ended = judge(*THREE, at=NOON + 3 * MINUTE + QUIET, verified=1, brought=1)
    early = replace(ended, at=ended.at - MINUTE)
    assert decide(early, states(FAILING)) == []
    assert decide(ended, states(FAILING)) == [
        WebhooksRecovered(provider="mp", failing_since=FAILING.since, recovered_at=ended.at, missed=3)
    ]


def test_several_verified_deliveries_end_the_alarm_too():
    assert decide(judge(*THREE, verified=2), states(FAILING)) == []
    assert len(decide(judge(*THREE, verified=3), states(FAILING))) == 1


def test_missed_change_after_the_delivery_continues_the_alarm():
    last = missed(4, verified=5, brought=2)
    assert decide(judge(*THREE, last, verified=5, brought=2), states(FAILING)) == []


def test_alarm_whose_changes_are_forgotten_ends_with_a_later_delivery():
    assert decide(judge(), states(FAILING)) == []
    assert decide(judge(verified=1, verified_at=NOON), states(FAILING)) == []
    assert len(decide(judge(verified=1, verified_at=NOON + 2 * MINUTE), states(FAILING))) == 1


def test_changes_before_the_recovery_begin_no_alarm():
    assert decide(judge(*THREE), states(FAILING, RECOVERED)) == []
    later = [missed(nth) for nth in (31, 32, 33)]
    [again] = decide(judge(*THREE, *later), states(FAILING, RECOVERED))
    assert again.since == NOON + 31 * MINUTE


def test_disconnection_ends_the_alarm_of_that_account_only():
    other = replace(FAILING, provider="other")
    assert states(FAILING, other, ProviderDisconnected(provider="mp")) == {"other": other}


# A history: what happened to each change in turn. `m` was missed, `w` was brought by a webhook.
HISTORIES = st.lists(st.sampled_from("mw"), min_size=1, max_size=40)


def facts(history):
    """The facts after a history, as the tables hold them: the newest missed changes, and the counts."""
    brought, changes = 0, []
    for nth, what in enumerate(history):
        if what == "w":
            brought += 1
        else:
            changes.append(missed(nth, verified=brought, brought=brought))
    return judge(*changes[-MISSED_OF_RECENT:], at=NOON + len(history) * MINUTE, verified=brought, brought=brought)


@given(history=HISTORIES, data=st.data())
def test_order_and_repetition_of_facts_do_not_matter(history, data):
    command = facts(history)
    shuffled = data.draw(st.permutations([*command.missed, *command.missed[:3]]))
    for state in ({}, states(FAILING), states(FAILING, RECOVERED)):
        assert decide(replace(command, missed=tuple(shuffled)), state) == decide(command, state)


@given(history=HISTORIES)
@example(history=["m"] * MISSED_OF_RECENT + ["w"] * 4)
@example(history=["m"] * MISSED_OF_RECENT + ["w"] * 3)
def test_alarm_begins_for_the_stated_histories_only(history):
    in_a_row = len(history) - "".join(history).rfind("w") - 1
    last_missed = [nth for nth, what in enumerate(history) if what == "m"][-MISSED_OF_RECENT:]
    is_half = len(last_missed) == MISSED_OF_RECENT and len(history) - last_missed[0] <= 2 * MISSED_OF_RECENT
    is_quiet = bool(last_missed) and (len(history) - last_missed[-1]) * MINUTE >= QUIET
    is_over = not last_missed or (history[-1] == "w" and is_quiet)
    assert bool(decide(facts(history), {})) == ((in_a_row >= MISSED_IN_A_ROW or is_half) and not is_over)


@given(history=HISTORIES)
def test_alarms_alternate_and_the_same_facts_decide_once(history):
    state, recorded = {}, []
    for length in range(1, len(history) + 1):
        command = facts(history[:length])
        for event in decide(command, state):
            state = evolve(state, event)
            recorded.append(type(event))
        # A second monitor, or one that restarted after the append, has the same facts.
        assert decide(command, state) == []
    assert recorded == [WebhooksFailing, WebhooksRecovered] * (len(recorded) // 2) + [WebhooksFailing] * (
        len(recorded) % 2
    )
