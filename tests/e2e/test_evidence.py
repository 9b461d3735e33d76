"""A merchant's administrator reads the bytes that prove a payment, and verifies them; each reading is logged."""

from __future__ import annotations

import base64
import hashlib
import json
from typing import TYPE_CHECKING, Any

import asyncpg
import pytest

from tests.e2e.test_command_line import Shell

if TYPE_CHECKING:
    from tests.running_hub import RunningHub

DESTROY = "UPDATE payment_keys SET sealed = NULL, destroyed_at = clock_timestamp() WHERE payment_id = $1"
CHANGE = "UPDATE evidence SET body = set_byte(body, 20, get_byte(body, 20) # 1) WHERE digest = $1"


class Confirmed:
    """A direct Pix that the bank confirmed; `digest` is that of the bank's confirmation."""

    def __init__(self, hub: RunningHub, payment_id: int, digest: str, body: dict[str, Any]) -> None:
        self.hub = hub
        self.payment_id = payment_id
        self.digest = digest
        self.body = body

    async def read(self, digest: str | None = None, *, key: str | None = None) -> tuple[int, dict[str, Any]]:
        path = f"/payments/api/{self.payment_id}/evidence/{digest or self.digest}/"
        return await self.hub.administer("GET", path, key=key)

    async def change(self, query: str, *arguments: Any) -> None:
        """Change the database as its owner, who may do what the services may not."""
        connection = await asyncpg.connect(self.hub.owners_database_url)
        try:
            assert await connection.execute(query, *arguments) != "UPDATE 0"
        finally:
            await connection.close()


@pytest.fixture
async def confirmed(others_hub: RunningHub) -> Confirmed:
    status, created = await others_hub.post("/payments/pix", {"value": 12.5})
    assert status == 201
    payment = created["payment"]
    body = {"bank_payment_id": payment["bank_payment_id"], "value": 12.5, "payer_name": "Ana Prova"}
    assert (await others_hub.post("/payments/pix/confirmation", body))[0] == 200
    (digest,) = [
        found
        for event in await others_hub.events(payment["id"])
        if (found := event["data"].get("evidence")) is not None
    ]
    return Confirmed(others_hub, payment["id"], digest, body)


def proves(shown: dict[str, Any]) -> bool:
    """What an auditor computes."""
    body = base64.b64decode(shown["body"])
    return hashlib.sha256(bytes.fromhex(shown["salt"]) + body).hexdigest() == shown["digest"]


async def test_administrator_reads_and_verifies_evidence(confirmed: Confirmed, other_merchant):
    status, shown = await confirmed.read(key=other_merchant.admin_key)

    assert status == 200
    assert (shown["kind"], shown["digest"], shown["payment_id"]) == (
        "bank/confirmation",
        confirmed.digest,
        confirmed.payment_id,
    )
    assert json.loads(base64.b64decode(shown["body"])) == confirmed.body
    assert proves(shown)


async def test_each_reading_is_logged_without_its_content(confirmed: Confirmed, other_merchant):
    assert (await confirmed.read(key=other_merchant.admin_key))[0] == 200

    logs = confirmed.hub.logs()
    (line,) = [
        entry
        for text in logs.splitlines()
        if text.startswith("{") and (entry := json.loads(text)).get("digest") == confirmed.digest
    ]
    assert (line["event"], line["payment_id"], line["merchant"], line["actor"]) == (
        "evidence_read",
        confirmed.payment_id,
        other_merchant.slug,
        "api_key",
    )
    assert line["actor_id"] in other_merchant.admin_key
    assert "Ana Prova" not in logs


async def test_reading_evidence_needs_the_scope_admin(confirmed: Confirmed):
    status, refused = await confirmed.read(key=confirmed.hub.api_key)

    assert (status, refused["code"]) == (403, "forbidden")


@pytest.mark.parametrize("digest", ["0" * 64, "nonsense", "0" * 500])
async def test_unknown_digest_is_not_found(confirmed: Confirmed, digest: str):
    status, refused = await confirmed.read(digest)

    assert (status, refused["code"]) == (404, "evidence_not_found")


async def test_evidence_of_another_payment_is_not_found(confirmed: Confirmed):
    _, created = await confirmed.hub.post("/payments/pix", {"value": 1})

    status, refused = await confirmed.hub.administer(
        "GET", f"/payments/api/{created['payment']['id']}/evidence/{confirmed.digest}/"
    )

    assert (status, refused["code"]) == (404, "evidence_not_found")


async def test_evidence_of_a_forgotten_payer_is_gone(confirmed: Confirmed):
    assert (await confirmed.read())[0] == 200
    await confirmed.change(DESTROY, confirmed.payment_id)

    status, refused = await confirmed.read()

    assert (status, refused["code"]) == (410, "erased")
    assert refused["error"].startswith(f"A prova {confirmed.digest} foi apagada junto com")


async def test_evidence_deleted_by_retention_is_gone(confirmed: Confirmed):
    await confirmed.change("DELETE FROM evidence WHERE digest = $1", bytes.fromhex(confirmed.digest))

    status, refused = await confirmed.read()

    assert (status, refused["code"]) == (410, "erased")
    assert "prazo de guarda" in refused["error"]


async def test_changed_evidence_is_an_error_and_logged(confirmed: Confirmed):
    await confirmed.change(CHANGE, bytes.fromhex(confirmed.digest))

    status, refused = await confirmed.read()

    assert (status, refused["code"]) == (500, "evidence_unreadable")
    assert any(
        confirmed.digest in line and '"event":"evidence_unreadable"' in line.replace('": "', '":"')
        for line in confirmed.hub.logs().splitlines()
    )


async def test_evidence_moved_from_another_payment_is_unreadable(confirmed: Confirmed):
    """The row of one payment under the digest of another: its key does not open it."""
    _, created = await confirmed.hub.post("/payments/pix", {"value": 1})
    body = {"bank_payment_id": created["payment"]["bank_payment_id"], "value": 1}
    assert (await confirmed.hub.post("/payments/pix/confirmation", body))[0] == 200
    (other,) = [
        found
        for event in await confirmed.hub.events(created["payment"]["id"])
        if (found := event["data"].get("evidence")) is not None
    ]
    move = "UPDATE evidence SET body = o.body FROM evidence o WHERE evidence.digest = $1 AND o.digest = $2"
    await confirmed.change(move, bytes.fromhex(confirmed.digest), bytes.fromhex(other))

    assert (await confirmed.read())[0] == 500


async def test_command_lists_and_shows_evidence(confirmed: Confirmed):
    extrato = Shell(str(confirmed.hub.home))
    payment = ("--payment", str(confirmed.payment_id))

    (line,) = (await extrato.does("evidence", *payment)).splitlines()
    shown = await extrato("evidence", *payment, "--digest", confirmed.digest)

    assert line.split("\t")[:2] == [confirmed.digest, "bank/confirmation"]
    assert shown.code == 0
    assert proves(json.loads(shown.out))
    logged = json.loads(shown.errors)
    assert (logged["event"], logged["digest"], logged["actor"]) == ("evidence_read", confirmed.digest, "operator")
    assert "no evidence" in await extrato.refuses("evidence", *payment, "--digest", "0" * 64)
    assert "999999" in await extrato.refuses("evidence", "--payment", "999999")


@pytest.mark.usefixtures("only_when_asked")
async def test_webhook_that_caused_an_event_is_evidence(others_hub: RunningHub, until):
    link = await others_hub.link()
    await others_hub.faults(webhooks=True)
    # A person would come back, and the return page could record the payment first.
    order = {"preference_id": link["preference_id"], "outcome": "approved"}
    await others_hub.sandbox("POST", "/_sandbox/pay", order)

    async def is_recorded() -> bool:
        return any(event["source"] == "webhook" for event in await others_hub.events(link["payment_id"]))

    await until(is_recorded, "the webhook is recorded")
    lines = (await Shell(str(others_hub.home)).does("evidence", "--payment", str(link["payment_id"]))).splitlines()
    digest = next(line.split("\t")[0] for line in lines if line.split("\t")[1] == "mercado_pago/webhook")

    status, shown = await others_hub.administer("GET", f"/payments/api/{link['payment_id']}/evidence/{digest}/")

    assert status == 200
    assert proves(shown)
    assert "delivery_id" in json.loads(base64.b64decode(shown["body"]))
