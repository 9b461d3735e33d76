"""The checks after the drill."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import asyncpg
import nats
from nats.js.api import AckPolicy, ConsumerConfig, DeliverPolicy

from tests.pace import until

if TYPE_CHECKING:
    from tests.drill.traffic import Traffic

LEVEL_WITHIN_S = 60
LOG = "SELECT notification_id, topic, convert_from(state, 'UTF8') AS state FROM stored_events ORDER BY notification_id"


async def judge(site, traffic: Traffic, *, copied_at: float, lost_until: float) -> list[str]:
    """Return one sentence for each fault."""
    problems: list[str] = []
    connection = await asyncpg.connect(site.postgres.url)
    log = [(row[0], row[1], json.loads(row[2])) for row in await connection.fetch(LOG)]

    async def are_level() -> bool:
        return await connection.fetchval("SELECT min(position) FROM checkpoints") >= log[-1][0]

    await until(are_level, "the read models know the whole log", within_s=LEVEL_WITHIN_S)
    opened, approved = in_log(log)
    for what, acknowledged, kept in (("sale", traffic.created, opened), ("confirmation", traffic.confirmed, approved)):
        # The restore itself loses requests that were acknowledged after the copy.
        must = {sold for sold, at in acknowledged.items() if not copied_at <= at <= lost_until}
        lost = must - kept
        if lost:
            problems.append(f"{len(lost)} acknowledged {what}s are not in the log, such as {sorted(lost)[:3]}")
        print(f"    {len(must)} acknowledged {what}s had to be kept, {len(must & kept)} are")
    rows = dict(await connection.fetch("SELECT payment_id, status FROM payment_details"))
    folded = {number: "approved" if (number, name) in approved else "pending" for number, name in opened}
    if rows != folded:
        different = [number for number in rows.keys() | folded.keys() if rows.get(number) != folded.get(number)]
        problems.append(f"{len(different)} rows of payment_details are not what the log says: {sorted(different)[:5]}")
    passed_over = await connection.fetchval("SELECT count(*) FROM passed_over")
    if passed_over:
        problems.append(f"{passed_over} events were skipped")
    await connection.close()
    ids = [state["event_id"] for _, _, state in log]
    problems += [*await of_the_bus(site, traffic, log, ids), *of_the_socket(traffic, log)]
    if traffic.failed:
        problems.append(f"{traffic.failed} requests were answered 500")
    return problems


async def of_the_bus(site, traffic: Traffic, log, ids: list[str]) -> list[str]:
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


def of_the_socket(traffic: Traffic, log) -> list[str]:
    if not traffic.restored or not traffic.snapshots:
        return ["the socket received no `log_restored`"]
    last_common, snapshot = min(traffic.restored), max(traffic.snapshots)
    before = {position for epoch, position, *_ in traffic.heard if epoch < traffic.epoch}
    after = {position for epoch, position, *_ in traffic.heard if epoch == traffic.epoch}
    if not after:
        return ["the socket has received no event since the restore"]
    # The snapshot has the events between these positions.
    had_to_be_told = {
        position
        for position, _, state in log
        if state["payment_id"] is not None
        and (traffic.first < position <= last_common or position > max(snapshot, traffic.first))
    }
    missed = {position for position in had_to_be_told if position not in (before if position <= last_common else after)}
    return [f"the socket has missed {len(missed)} events, such as {sorted(missed)[:5]}"] if missed else []


def in_log(log) -> tuple[set[tuple[int, str]], set[tuple[int, str]]]:
    """Return the opened and the approved payments of the log, by number and random identifier."""
    names = {
        state["payment_id"]: state["data"]["bank_payment_id"]
        for _, topic, state in log
        if topic.startswith("PaymentOpened")
    }
    approved = {
        state["payment_id"]
        for _, topic, state in log
        if topic.startswith("StatusChanged") and state["data"]["status"] == "approved"
    }
    return set(names.items()), {(number, names[number]) for number in approved}


async def ids_in_stream(nats_url: str) -> list[str]:
    client = await nats.connect(nats_url)
    jetstream = client.jetstream()
    number = (await jetstream.stream_info("PAYMENTS")).state.messages
    config = ConsumerConfig(ack_policy=AckPolicy.NONE, deliver_policy=DeliverPolicy.ALL, headers_only=True)
    pulling = await jetstream.pull_subscribe(">", stream="PAYMENTS", config=config)
    ids: list[str] = []
    while len(ids) < number:
        ids += [message.headers["ce-id"] for message in await pulling.fetch(1000, timeout=5)]
    await client.close()
    return ids


def lost_events_in(site, name: str) -> list[list]:
    lines = (site.home / f"{name}.log").read_text().splitlines()
    told = [json.loads(line) for line in lines if '"log_lost_events"' in line]
    return [event for line in told for event in line["events"]]
