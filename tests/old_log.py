"""A database as the version before sealing left it: its schema, and a log with e-mail addresses in plain text."""

from __future__ import annotations

import hashlib
import json
from itertools import count
from pathlib import Path
from typing import Any, Final
from uuid import UUID, uuid4, uuid5

import asyncpg
from msgspec import Struct

from contracts.upcasters import UPCASTERS
from extrato.domain.payment.identifiers import stream_id
from extrato.store.migrations import CREATE_TABLE, read_migrations

STORIES: Final = json.loads((Path(__file__).parent / "golden" / "log.json").read_text())
# The first migration that the older version does not have.
SEALING: Final = "0020_personal_data"
FIRST_SEALED: Final = {"PaymentOpened.v4", "ObservationRecorded.v3"}
APPEND: Final = "SELECT append_events($1, $2, $3, $4, $5, $6, $7, $8, $9)"
MERCHANT: Final = "padaria-do-marcos"
RECORDED_AT: Final = "2026-03-14T12:00:00.000001Z"
REQUEST: Final = hashlib.sha256(b"a request").hexdigest()
REFUSALS: Final = frozenset({"ChargeRefused.v1", "CancellationRefused.v1", "RefundRefused.v1"})
KEYS: Final = UUID("9d5c7e0a-55b5-4f6c-9b49-d7e0a7a0c002")

STORE_BODY: Final = "INSERT INTO evidence (digest, kind, body) VALUES ($1, $2, $3) ON CONFLICT DO NOTHING"
STORE_DELIVERY: Final = """
    INSERT INTO webhook_deliveries
        (delivery_id, merchant, provider, kind, resource_id, verdict, evidence, correlation_id, received_at)
    VALUES ($1, $2, 'mercado_pago', 'payment', '1', 'verified', $3, 'a-request', now())
"""
LOST_WEBHOOK: Final = 8
ORPHAN_WEBHOOK: Final = 9

# The data of payers in the log. A test searches for each of them after sealing.
CPF: Final = "12345678909"
PHONE: Final = "987654321"
NAME: Final = "Ana Souza de Alencar"
DOMAIN: Final = "payers.example"


class OldLog(Struct, frozen=True):
    """What was written: the payments, and the body of each piece of evidence by its plain SHA-256 in hex.

    `lost` are digests whose evidence is gone. `webhooks` are the bodies of deliveries, None where it is gone.
    """

    payments: list[int]
    bodies: dict[str, bytes]
    lost: list[str]
    webhooks: dict[UUID, bytes | None]


async def migrate_to_older_version(url: str) -> None:
    """Apply the migrations that the older version had."""
    connection = await asyncpg.connect(url)
    try:
        await connection.execute(CREATE_TABLE)
        for migration in read_migrations():
            if migration.name < SEALING:
                await connection.execute(migration.sql)
                await connection.execute("INSERT INTO schema_migrations (name) VALUES ($1)", migration.name)
        await connection.execute("UPDATE schema_migrations SET class = 'rolling'")
    finally:
        await connection.close()


async def write_old_log(url: str, *, times: int = 1) -> OldLog:
    """Append the golden stories `times` times, with payers, evidence and idempotency keys, as the older version did."""
    old = OldLog([], {}, [], {})
    connection = await asyncpg.connect(url)
    try:
        numbers = count(1)
        for _ in range(times):
            for story in STORIES:
                await _append_payment(connection, next(numbers), story["events"], old)
        for number in range(10):
            await _store_webhook(connection, number, old)
        return old
    finally:
        await connection.close()


def email_of(payment_id: int) -> str:
    """The e-mail address of a payment's payer."""
    return f"ana.souza+{payment_id}@{DOMAIN}"


async def _append_payment(
    connection: asyncpg.Connection, payment_id: int, story: list[tuple[str, dict[str, Any]]], old: OldLog
) -> None:
    events, evidence = [], {}
    for nth, (told, plain) in enumerate(story):
        topic, data = _raised(told, dict(plain)) if payment_id % 2 else (told, dict(plain))
        if "payer_email" in data:
            data["payer_email"] = email_of(payment_id) if topic.startswith("Payment") or nth % 3 else None
        if "evidence" in data:
            is_lost = nth % 5 == 4
            body = _body(payment_id, nth // 4, is_lost=is_lost)
            digest = hashlib.sha256(body).digest()
            data["evidence"] = digest.hex()
            if is_lost:
                old.lost.append(digest.hex())
            else:
                evidence[digest] = body
                old.bodies[digest.hex()] = body
        if topic in REFUSALS:
            data["reason"] = f"{NAME if evidence else CPF} cannot pay: {email_of(payment_id)}"
        events.append((stream_id(payment_id), nth + 1, topic, _state(topic, data, payment_id)))
    used = {"request_digest": REQUEST, "opened_payment_id": payment_id}
    key = uuid5(KEYS, str(payment_id))
    events.append((key, 1, "IdempotencyKeyUsed.v1", _state("IdempotencyKeyUsed.v1", used, None)))
    streams, versions, topics, states = map(list, zip(*events, strict=True))
    await connection.fetchval(
        APPEND,
        [0] * len(events),
        streams,
        versions,
        topics,
        states,
        [0] * len(evidence),
        list(evidence),
        ["provider/payment"] * len(evidence),
        list(evidence.values()),
    )
    old.payments.append(payment_id)


async def _store_webhook(connection: asyncpg.Connection, number: int, old: OldLog) -> None:
    """Store a webhook. Some deliveries have the same body, one body is gone, and one delivery is."""
    body = json.dumps({"action": "payment.updated", "n": number // 2, "user": NAME}).encode()
    digest, delivery_id = hashlib.sha256(body).digest(), uuid4()
    if number == LOST_WEBHOOK:
        body = b"lost " + body
        digest = hashlib.sha256(body).digest()
        old.lost.append(digest.hex())
    else:
        await connection.execute(STORE_BODY, digest, "mercado_pago/webhook", body)
        old.bodies[digest.hex()] = body
    if number != ORPHAN_WEBHOOK:
        await connection.execute(STORE_DELIVERY, delivery_id, MERCHANT, digest)
        old.webhooks[delivery_id] = None if number == LOST_WEBHOOK else body


def _raised(topic: str, data: dict[str, Any]) -> tuple[str, dict[str, Any]]:
    """Return the last version before sealing."""
    while topic in UPCASTERS:
        following, upcaster = UPCASTERS[topic]
        if following in FIRST_SEALED:
            break
        topic, data = following, upcaster(data)
    return topic, data


def _body(payment_id: int, nth: int, *, is_lost: bool) -> bytes:
    """An answer of the provider, which two payments may name; retention has deleted the lost ones."""
    about = {
        "id": 1000 + payment_id // 2,
        "nth": nth,
        "status": "lost" if is_lost else "approved",
        "payer": {
            "email": email_of(payment_id // 2),
            "first_name": NAME,
            "identification": {"type": "CPF", "number": CPF},
            "phone": {"area_code": "11", "number": PHONE},
        },
    }
    return json.dumps(about).encode()


def _state(topic: str, data: dict[str, Any], payment_id: int | None) -> bytes:
    """The column `state`; its JSON has spaces and another order of fields than this version writes."""
    fields = {
        "event_id": str(uuid4()),
        "merchant": MERCHANT,
        "payment_id": payment_id,
        "occurred_at": "2026-03-14T09:00:00-03:00",
        "recorded_at": RECORDED_AT,
        "data": data,
        "cause": {"correlation_id": f"a-request-{topic}", "actor": "operator", "extra": "kept"},
    }
    return json.dumps(fields, ensure_ascii=False).encode()
