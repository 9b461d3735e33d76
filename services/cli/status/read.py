"""Reads the whole hub: PostgreSQL, NATS, health ports and the certificate at the same time, each with a time-out."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Final
from urllib.parse import urlsplit

import aiohttp
import msgspec
from msgspec import Struct

import contracts
from contracts.subjects import DEAD_STREAM
from extrato.bus.survey import CONSUMER_OF_ROLE, missing_copies, survey_bus, survey_traffic
from extrato.errors import BusRefused, BusUnavailable
from extrato.loopback import is_loopback
from extrato.process import CannotStart
from services.cli import preflight
from services.cli.checks import ANSWER_WITHIN_S, check_certificate
from services.cli.status.database import DatabaseReader
from services.cli.status.shape import Bus, HubStatus, Relay, Role, Sentence
from services.cli.status.verdict import judged

if TYPE_CHECKING:
    from collections.abc import Sequence

    from extrato.bus.survey import BusTraffic
    from extrato.settings import Settings

NATS_WITHIN_S: Final = 15.0
LONGEST_ANSWER: Final = 1 << 16
GATEWAY: Final = "gateway"

HealthPort = tuple[str, str]
"""A role and the URL of one of its health ports, such as `("gateway", "http://127.0.0.1:8080")`."""


class _Readiness(Struct):
    status: str
    checks: dict[str, dict[str, str | None]]


async def read_status(settings: Settings, *, health_ports: Sequence[HealthPort], is_in_home: bool) -> HubStatus:
    """Read the hub of `settings`, and judge it.

    `is_in_home` means a hub of `extrato up` on this machine: its gateway is asked at its public address. The other
    roles, and a gateway elsewhere, are asked only at `health_ports`.
    """
    if is_in_home and not health_ports and is_loopback(urlsplit(settings.public_url).hostname or ""):
        health_ports = [(GATEWAY, settings.public_url)]
    reader = DatabaseReader(settings)
    connection, read_bus, asked, certificate = await asyncio.gather(
        reader.read(), _read_bus(settings), _ask_roles(health_ports), check_certificate(settings)
    )
    bus, traffic, bus_unread = read_bus
    try:
        relay = await reader.part("relay", lambda: _relay(reader, traffic))
    finally:
        if connection is not None:
            connection.terminate()
    found = reader.found
    return judged(
        HubStatus(
            at=datetime.now(UTC),
            version=contracts.__version__,
            verdict="ok",
            attention=[],
            unread=[*reader.unread, *bus_unread],
            database=found.database,
            log=found.log,
            relay=relay,
            read_models=found.read_models,
            bus=bus,
            roles=_with_unasked(asked, traffic),
            sweeps=found.sweeps,
            refused=found.refused,
            payments=found.payments,
            webhooks=found.webhooks,
            requests=found.requests,
            accounts=found.accounts,
            vault=found.vault,
            certificate=certificate,
        )
    )


async def _relay(reader: DatabaseReader, traffic: BusTraffic | None) -> Relay | None:
    """Compare the log with the stream, or only show the leader where one of the two is unknown."""
    leader, log = reader.found.leader, reader.found.log
    if leader is None:
        return None
    published = None if traffic is None else traffic.published
    if log is None or published is None:
        return Relay(has_leader=leader.leads, published=published, behind=None, behind_s=None)
    behind = max(0, log.position - published)
    behind_s = await reader.oldest_after(published) if behind else None
    return Relay(has_leader=leader.leads, published=published, behind=behind, behind_s=behind_s)


async def _read_bus(settings: Settings) -> tuple[Bus | None, BusTraffic | None, list[Sentence]]:
    nats_url, copies_url = settings.nats_url, settings.copies_nats_url
    if not nats_url:
        return None, None, [Sentence(part="nats", sentence="EXTRATO_NATS_URL is not set.")]
    try:
        async with asyncio.timeout(NATS_WITHIN_S):
            await preflight.check_nats(nats_url)
            found, traffic = await survey_bus(nats_url), await survey_traffic(nats_url)
            without_copy = await missing_copies(copies_url) if copies_url else []
    except (CannotStart, BusUnavailable, BusRefused) as error:
        return None, None, [Sentence(part="nats", sentence=str(error))]
    except TimeoutError:
        return None, None, [Sentence(part="nats", sentence=f"No answer within {NATS_WITHIN_S:g} s.")]
    dead = sum(stream.messages for stream in traffic.streams if stream.stream == DEAD_STREAM)
    bus = Bus(
        version=found.version,
        publishes=found.publishes,
        missing_streams=found.missing_streams,
        differences=found.differences,
        streams=traffic.streams,
        copies=traffic.copies,
        missing_copies=without_copy,
        dead_letters=dead,
        newest_dead_letter_at=traffic.newest_dead_letter_at,
    )
    return bus, traffic, []


async def _ask_roles(health_ports: Sequence[HealthPort]) -> list[Role]:
    async with aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=ANSWER_WITHIN_S)) as session:
        return list(await asyncio.gather(*(_ask_role(session, name, url) for name, url in health_ports)))


async def _ask_role(session: aiohttp.ClientSession, name: str, url: str) -> Role:
    try:
        async with session.get(f"{url.rstrip('/')}/readyz", allow_redirects=False) as response:
            body = await response.content.read(LONGEST_ANSWER)
        answer = msgspec.json.decode(body, type=_Readiness)
    except (aiohttp.ClientError, TimeoutError, ValueError, OSError) as error:
        return Role(name=name, seen=False, readiness=None, reason=f"It does not answer ({type(error).__name__}).")
    reasons = [str(check["reason"]) for check in answer.checks.values() if check.get("reason")]
    return Role(name=name, seen=True, readiness=answer.status, reason=" ".join(reasons))


def _with_unasked(asked: Sequence[Role], traffic: BusTraffic | None) -> list[Role]:
    """Add the roles without a health port: two of them show by the messages that they take."""
    names = {role.name for role in asked}
    unasked = [name for name in (GATEWAY, *CONSUMER_OF_ROLE) if name not in names]
    return [*asked, *(_by_messages(name, traffic) for name in unasked)]


def _by_messages(name: str, traffic: BusTraffic | None) -> Role:
    if name not in CONSUMER_OF_ROLE:
        return Role(name=name, seen=None, readiness=None, reason=f"Not asked: give --role {name}=URL.")
    if traffic is None:
        return Role(name=name, seen=None, readiness=None, reason="Not seen without NATS.")
    if traffic.takes_messages[name]:
        return Role(name=name, seen=True, readiness=None, reason="It takes messages from NATS.")
    return Role(name=name, seen=False, readiness=None, reason="No process takes its messages from NATS.")
