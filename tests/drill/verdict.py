"""What must be true after the drill."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import asyncpg
import nats
from nats.js.api import AckPolicy, ConsumerConfig, DeliverPolicy

from tests.pace import until

if TYPE_CHECKING:
    from tests.drill.traffic import Traffic

CAUGHT_UP_WITHIN_S = 60
LOG = "SELECT notification_id, topic, convert_from(state, 'UTF8') AS state FROM stored_events ORDER BY notification_id"


async def judge(site, traffic: Traffic, *, copied_at: float, lost_until: float) -> list[str]:
    """Return the problems, as sentences."""
    problems: list[str] = []
    connection = await asyncpg.connect(site.postgres.url)
    log = [(row[0], row[1], json.loads(row[2])) for row in await connection.fetch(LOG)]

    async def are_caught_up() -> bool:
        return await connection.fetchval("SELECT min(position) FROM checkpoints") >= log[-1][0]

    await until(are_caught_up, "the read models have applied the whole log", within_s=CAUGHT_UP_WITHIN_S)
    opened, approved = in_log(log)
    for what, acknowledged, kept in (("sale", traffic.created, opened), ("confirmation", traffic.confirmed, approved)):
        # The restore loses what the hub acknowledged between the copy and the restore.
        must = {sale for sale, at in acknowledged.items() if not copied_at <= at <= lost_until}
        lost = must - kept
        if lost:
            problems.append(f"{len(lost)} acknowledged {what}s are not in the log, such as {sorted(lost)[:3]}")
        print(f"    {len(must)} acknowledged {what}s had to be kept, {len(must & kept)} are")
    rows = dict(await connection.fetch("SELECT payment_id, status FROM payment_details"))
    expected = {each[0]: "approved" if each in approved else "pending" for each in opened}
    if rows != expected:
        different = [each for each in rows.keys() | expected.keys() if rows.get(each) != expected.get(each)]
        problems.append(f"{len(different)} rows of payment_details are not what the log says: {sorted(different)[:5]}")
    passed_over = await connection.fetchval("SELECT count(*) FROM passed_over")
    if passed_over:
        problems.append(f"{passed_over} events are passed over")
    await connection.close()
    ids = [state["event_id"] for _, _, state in log]
    problems += [*await bus_problems(site, traffic, log, ids), *socket_problems(traffic, log)]
    if traffic.failed:
        problems.append(f"{traffic.failed} requests were answered 500")
    return problems


async def bus_problems(site, traffic: Traffic, log, ids: list[str]) -> list[str]:
    problems = []
    stream = await ids_in_stream(site.nats.url)
    if stream != ids:
        problems.append(f"the stream has {len(stream)} events and the log {len(ids)}, or in another order")
    missing = set(ids) - traffic.subscribed.keys()
    if missing:
        problems.append(f"the subscriber has missed {len(missing)} events")
    named = {event[1] for name in ("monitor", "projections") for event in lost_events_in(site, name)}
    lost = traffic.subscribed.keys() - set(ids)
    print(f"    the restore lost {len(lost)} events that the subscriber had; {len(lost & named)} of them are named")
    if not lost <= named:
        problems.append(f"{len(lost - named)} lost events are not named")
    return problems


def socket_problems(traffic: Traffic, log) -> list[str]:
    if not traffic.restored or not traffic.snapshots:
        return ["the socket received no `log_restored`"]
    last_common, snapshot = min(traffic.restored), max(traffic.snapshots)
    before = {position for epoch, position, *_ in traffic.socket_events if epoch < traffic.epoch}
    after = {position for epoch, position, *_ in traffic.socket_events if epoch == traffic.epoch}
    if not after:
        return ["the socket has received no event since the log was restored"]
    # The snapshot covers the events between the last common position and its own.
    expected = {
        position
        for position, _, state in log
        if state["payment_id"] is not None
        and (traffic.first_position < position <= last_common or position > max(snapshot, traffic.first_position))
    }
    missed = {position for position in expected if position not in (before if position <= last_common else after)}
    return [f"the socket has missed {len(missed)} events, such as {sorted(missed)[:5]}"] if missed else []


def in_log(log) -> tuple[set[tuple[int, str]], set[tuple[int, str]]]:
    """Return the opened and the approved payments of the log, as pairs of payment id and bank_payment_id."""
    bank_ids = {
        state["payment_id"]: state["data"]["bank_payment_id"]
        for _, topic, state in log
        if topic.startswith("PaymentOpened")
    }
    approved = {
        state["payment_id"]
        for _, topic, state in log
        if topic.startswith("StatusChanged") and state["data"]["status"] == "approved"
    }
    return set(bank_ids.items()), {(payment_id, bank_ids[payment_id]) for payment_id in approved}


async def ids_in_stream(nats_url: str) -> list[str]:
    client = await nats.connect(nats_url)
    jetstream = client.jetstream()
    count = (await jetstream.stream_info("PAYMENTS")).state.messages
    config = ConsumerConfig(ack_policy=AckPolicy.NONE, deliver_policy=DeliverPolicy.ALL, headers_only=True)
    subscription = await jetstream.pull_subscribe(">", stream="PAYMENTS", config=config)
    ids: list[str] = []
    while len(ids) < count:
        ids += [message.headers["ce-id"] for message in await subscription.fetch(1000, timeout=5)]
    await client.close()
    return ids


def lost_events_in(site, name: str) -> list[list]:
    lines = (site.home / f"{name}.log").read_text().splitlines()
    reports = [json.loads(line) for line in lines if '"log_lost_events"' in line]
    return [event for report in reports for event in report["events"]]
