"""The verdict of `extrato status` about a hub, and the screen that shows it."""

from __future__ import annotations

from argparse import ArgumentTypeError
from datetime import UTC, datetime, timedelta

import pytest
from msgspec.structs import replace

from extrato.bus.survey import CopyLag, StreamFill
from extrato.store.token_ends import TokenEnd
from services.cli.checks import Finding
from services.cli.commands.status import health_port
from services.cli.status.screen import screen
from services.cli.status.shape import (
    Accounts,
    Bus,
    Database,
    HubStatus,
    Lane,
    Log,
    Payments,
    ReadModel,
    RefusedAccounts,
    Relay,
    Role,
    Sentence,
    SweptAccount,
    Vault,
    Waiting,
)
from services.cli.status.verdict import judged
from services.cli.status.words import age, size

NOON = datetime(2026, 11, 29, 12, tzinfo=UTC)
NEVER_STANDS = {"position": 90, "behind": 0, "behind_s": None, "is_moving": None, "passed_over": 0}
WELL = HubStatus(
    at=NOON,
    version="0.2.0",
    verdict="ok",
    attention=[],
    unread=[],
    database=Database(
        version="15.4",
        accepts_writes=True,
        schema="current",
        newest_migration="0016_api_key_uses",
        size_bytes=1_234_000_000,
        archive="working",
        not_archived_s=None,
    ),
    log=Log(position=90, recorded_at=NOON, age_s=3.0, epoch=1, epoch_began_at=NOON),
    relay=Relay(has_leader=True, published=90, behind=0, behind_s=None),
    read_models=[ReadModel(name="merchants", is_rebuilding=False, **NEVER_STANDS)],
    bus=Bus(
        version="2.15.1",
        publishes=True,
        missing_streams=[],
        differences=[],
        streams=[StreamFill(stream="PAYMENTS", messages=90, size_bytes=70_000)],
        copies=[CopyLag(stream="PAYMENTS", behind=2)],
        missing_copies=[],
        dead_letters=0,
        newest_dead_letter_at=None,
    ),
    roles=[
        Role(name="gateway", seen=None, readiness=None, reason="Not asked: give --role gateway=URL."),
        Role(name="monitor", seen=True, readiness=None, reason="It takes messages from NATS."),
        Role(name="projections", seen=True, readiness="ok", reason=""),
    ],
    sweeps=[
        Lane(lane="quiet", accounts=9000, oldest_s=800.0, oldest=[SweptAccount(account="a.mercado_pago", age_s=800.0)]),
        Lane(lane="fast", accounts=3, oldest_s=4.0, oldest=[SweptAccount(account="b.mercado_pago", age_s=4.0)]),
    ],
    payments=Payments(open=12, watched=3, uncharged=0, overdue=0, most_overdue_s=None),
    webhooks=Waiting(waiting=0, oldest_s=None),
    requests=Waiting(waiting=1, oldest_s=2.0),
    accounts=Accounts(
        merchants=9001,
        connected=9000,
        oldest_credential_s=86_400.0 * 30,
        earliest_token_end=TokenEnd(account="a.mercado_pago", expires_at=NOON + timedelta(days=14), days_left=14.0),
    ),
    vault=Vault(keys=2, decrypts=True, payment_keys=12, destroyed_keys=1),
    certificate=Finding(check="certificate", status="ok", sentence="The certificate of pay is valid for 60 more days."),
)


def attention(**changes):
    found = judged(replace(WELL, **changes))
    assert found.verdict == ("attention" if found.attention or found.unread else "ok")
    return [each.sentence for each in found.attention]


def test_hub_that_works_shows_every_part():
    assert screen(judged(WELL)).splitlines() == [
        "extrato 0.2.0 at 2026-11-29 12:00:00 UTC: all is well",
        "",
        "roles        gateway not asked; monitor works; projections ok",
        "database     PostgreSQL 15.4, 1.2 GB, schema current (0016_api_key_uses), WAL archive working",
        "log          position 90, newest event 3 s old, epoch 1",
        "relay        has a leader, published up to 90",
        "read model   merchants: position 90",
        "nats         2.15.1, takes messages, 0 dead letters",
        "stream       PAYMENTS: 90 messages, 70 kB, its copy for subscribers is 2 behind",
        "sweeps       fast: 3 accounts, oldest sweep 4 s ago (b.mercado_pago 4 s)",
        "sweeps       quiet: 9000 accounts, oldest sweep 13 min ago (a.mercado_pago 13 min)",
        "payments     12 open, 3 watched, 0 without a charge",
        "webhooks     0 waiting",
        "requests     1 waiting, the oldest for 2 s",
        (
            "accounts     9001 merchants, 9000 connected accounts, oldest access token stored 30 d ago, "
            "that of a.mercado_pago ends in 14 d"
        ),
        "vault        2 keys · keys of payments: 12 usable, 1 destroyed",
        "certificate  The certificate of pay is valid for 60 more days.",
    ]


def test_attention_comes_first_on_the_screen():
    unread = [Sentence(part="nats", sentence="No answer within 15 s.")]
    vault = Vault(keys=1, decrypts=False, payment_keys=12, destroyed_keys=1)
    found = judged(replace(WELL, bus=None, unread=unread, vault=vault))
    assert screen(found).splitlines()[:8] == [
        "extrato 0.2.0 at 2026-11-29 12:00:00 UTC: needs attention",
        "",
        "Needs attention:",
        "  vault        The vault's key does not decrypt the stored secrets.",
        "",
        "Not read:",
        "  nats         No answer within 15 s.",
        "",
    ]


def test_part_that_was_not_read_needs_attention():
    found = judged(replace(WELL, unread=[Sentence(part="vault", sentence="No key.")]))
    assert (found.attention, found.verdict) == ([], "attention")


def test_hub_without_both_servers_is_unreadable():
    assert judged(replace(WELL, database=None)).verdict == "ok"
    assert judged(replace(WELL, database=None, bus=None)).verdict == "unreadable"


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"accepts_writes": False}, "PostgreSQL accepts no writes: no payment can be created."),
        ({"schema": "behind"}, "Migrations are missing: run `extrato migrate`."),
        (
            {"archive": "failing", "not_archived_s": 7200.0},
            "PostgreSQL archived its write-ahead log last 2 h ago.",
        ),
        ({"archive": "off"}, None),
        ({"schema": "newer"}, None),
    ],
)
def test_database(changes, sentence):
    assert attention(database=replace(WELL.database, **changes)) == ([sentence] if sentence else [])


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"behind": 5, "behind_s": 29.0, "is_moving": False}, None),
        (
            {"behind": 5, "behind_s": 31.0, "is_moving": False},
            "merchants stands still, 5 events behind; the oldest was recorded 31 s ago.",
        ),
        (
            {"behind": 5, "behind_s": 31.0, "is_moving": True},
            "merchants catches up, 5 events behind; the oldest was recorded 31 s ago.",
        ),
        (
            {"behind": 5, "behind_s": 31.0, "is_moving": False, "is_rebuilding": True},
            "merchants is being rebuilt, 5 events behind; the oldest was recorded 31 s ago.",
        ),
        ({"position": None, "behind": 0}, "merchants was never built: it lacks the whole log."),
        ({"passed_over": 2}, "merchants skipped 2 events."),
    ],
)
def test_read_model(changes, sentence):
    (read_model,) = WELL.read_models
    assert attention(read_models=[replace(read_model, **changes)]) == ([sentence] if sentence else [])


@pytest.mark.parametrize(
    ("relay", "sentence"),
    [
        (Relay(has_leader=True, published=None, behind=None, behind_s=None), None),
        (Relay(has_leader=True, published=80, behind=10, behind_s=5.0), None),
        (Relay(has_leader=False, published=90, behind=0, behind_s=None), "No process publishes the log on NATS."),
        (
            Relay(has_leader=True, published=80, behind=10, behind_s=60.0),
            "10 events are not published; the oldest was recorded 60 s ago.",
        ),
    ],
)
def test_relay(relay, sentence):
    assert attention(relay=relay) == ([sentence] if sentence else [])


@pytest.mark.parametrize(("lane", "limit_s"), [("fast", 60.0), ("slow", 900.0), ("quiet", 2700.0)])
def test_lane_is_late_after_some_intervals(lane, limit_s):
    def of(*ages):
        oldest = [SweptAccount(account=f"{nth}.mercado_pago", age_s=each) for nth, each in enumerate(ages)]
        return [Lane(lane=lane, accounts=20, oldest_s=max(ages), oldest=oldest)]

    assert attention(sweeps=of(limit_s)) == []
    (one,) = attention(sweeps=of(limit_s + 1, 2.0))
    assert one.startswith(f"The {lane} lane is late: 0.mercado_pago was swept ")
    assert one.endswith(" ago.")
    (two,) = attention(sweeps=of(limit_s + 2, limit_s + 1))
    assert two.endswith(", and others too (2 of the oldest ten).")


@pytest.mark.parametrize(("refused", "swept", "judged_bad"), [(2, 2, False), (3, 15, False), (3, 14, True)])
def test_refused_credentials_need_attention_when_many_accounts_have_one(refused, swept, judged_bad):
    oldest = [SweptAccount(account="a.mercado_pago", age_s=7200.0)]
    accounts = RefusedAccounts(refused=refused, swept=swept, oldest=oldest)
    sentence = f"The provider refuses the credentials of {refused} of {swept} accounts."
    assert attention(refused=accounts) == ([sentence] if judged_bad else [])
    shown = f"refused      credentials of {refused} of {swept} accounts, not swept for: a.mercado_pago 2 h"
    assert shown in screen(replace(WELL, refused=accounts)).splitlines()


@pytest.mark.parametrize(
    ("changes", "sentences"),
    [
        (
            {"dead_letters": 3, "newest_dead_letter_at": NOON - timedelta(hours=3)},
            ["A consumer refused a message 3 h ago; 3 are under dead.>."],
        ),
        ({"dead_letters": 3, "newest_dead_letter_at": NOON - timedelta(days=2)}, []),
        ({"missing_streams": ["CHECKS"], "publishes": False}, ["Missing streams: CHECKS."]),
        ({"missing_copies": ["CHECKS"]}, ["Subscribers find no copy of CHECKS."]),
        ({"publishes": False}, ["The stream of payments does not take messages."]),
        (
            {"differences": ["storage of stream DEAD is memory, not file"]},
            ["A stream differs from the hub's: storage of stream DEAD is memory, not file."],
        ),
    ],
)
def test_nats(changes, sentences):
    assert attention(bus=replace(WELL.bus, **changes)) == sentences


def test_role_that_does_not_answer_or_is_not_ready():
    roles = [
        Role(name="gateway", seen=True, readiness="degraded", reason="NATS is not connected."),
        Role(name="monitor", seen=False, readiness=None, reason="No process takes its messages from NATS."),
        Role(name="projections", seen=None, readiness=None, reason="Not seen without NATS."),
    ]
    assert attention(roles=roles) == [
        "gateway is degraded: NATS is not connected.",
        "monitor: No process takes its messages from NATS.",
    ]


def test_work_that_waits_too_long():
    assert attention(webhooks=Waiting(waiting=7, oldest_s=301.0)) == [
        "7 verified webhooks wait to be handled; the oldest came 5 min ago."
    ]
    assert attention(requests=Waiting(waiting=1, oldest_s=901.0)) == [
        "1 payments wait for the answer to a request; the oldest came 15 min ago."
    ]
    overdue = Payments(open=5, watched=0, uncharged=0, overdue=2, most_overdue_s=1000.0)
    assert attention(payments=overdue) == ["2 payments should have ended; the first one 17 min ago."]


@pytest.mark.parametrize(
    ("days_left", "judgement", "shown"),
    [
        (13.9, "The access token of a.mercado_pago is valid for 14 more days.", "that of a.mercado_pago ends in 14 d"),
        (0.0, "The access token of a.mercado_pago has ended.", "that of a.mercado_pago has ended"),
    ],
)
def test_access_token_that_ends_soon(days_left, judgement, shown):
    end = replace(WELL.accounts.earliest_token_end, days_left=days_left)
    accounts = replace(WELL.accounts, earliest_token_end=end)
    assert attention(accounts=accounts) == [judgement]
    assert f", {shown}\n" in screen(replace(WELL, accounts=accounts))


def test_certificate_out_of_reach_needs_no_attention():
    away = Finding(check="certificate", status="warning", sentence="Not checked: pay cannot be reached from here.")
    assert attention(certificate=away) == []
    soon = Finding(check="certificate", status="warning", sentence="The certificate of pay is valid for 3 more days.")
    assert attention(certificate=soon) == [soon.sentence]


@pytest.mark.parametrize(
    ("seconds", "shown"),
    [(None, "-"), (-2.0, "0 s"), (0.4, "0 s"), (119.0, "119 s"), (120.0, "2 min"), (7300.0, "2 h"), (260_000.0, "3 d")],
)
def test_age(seconds, shown):
    assert age(seconds) == shown


@pytest.mark.parametrize(
    ("count", "shown"),
    [(0, "0 B"), (999, "999 B"), (1000, "1 kB"), (8_700_000, "8.7 MB"), (10**12, "1.0 TB"), (10**16, "10000.0 TB")],
)
def test_size(count, shown):
    assert size(count) == shown


def test_health_port_of_a_role():
    assert health_port("gateway=http://127.0.0.1:8080") == ("gateway", "http://127.0.0.1:8080")
    for text in ("gateway", "=http://a", "gateway=", "gateway=127.0.0.1:8080", "gateway=file:///etc/passwd"):
        with pytest.raises(ArgumentTypeError):
            health_port(text)
