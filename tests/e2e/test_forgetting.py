"""Forgetting a payer, and holds, over HTTP and on the command line of a running hub."""

from __future__ import annotations

import json
import os
from uuid import uuid4

import pytest

from tests.commands import run_command
from tests.pace import allowed, running_s, until
from tests.running_hub import MERCHANT

ADMIN = f"/admin/merchants/{MERCHANT}"


def an_address() -> str:
    return f"ana.{uuid4().hex}@example.com"


async def paid(hub, email: str) -> int:
    created = await hub.link(payer_email=email)
    await hub.pay_as_a_person(created["checkout_url"])
    await hub.until_checked(created["payment_id"], status="approved")
    return created["payment_id"]


async def extrato(hub, *words: str, lines: str = ""):
    return await run_command(words, lines=lines, environment={**os.environ, "EXTRATO_HOME": str(hub.home)})


async def timeline_emails(hub, payment_id: int) -> list[str]:
    return [
        each["data"]["payer_email"]
        for each in await hub.events(payment_id)
        if each["data"].get("payer_email") is not None
    ]


async def listed(hub, payment_id: int) -> dict:
    _, body = await hub.get(f"/payments/api/pending/?padaria_slug={MERCHANT}&status=approved&limit=1000")
    return next(each for each in body["payments"] if each["payment_id"] == payment_id)


async def until_scrubbed(hub, payment_id: int) -> None:
    """Wait until no answer has the address, and no row of the read model has it sealed."""

    async def is_scrubbed() -> bool:
        rows = "SELECT document::text || ledger::text FROM payment_details WHERE payment_id = $1"
        ((row,),) = await hub.rows(rows, payment_id)
        shown = [await hub.check(payment_id), await listed(hub, payment_id)]
        return "s1." not in row and [each["payer_email"] for each in shown] == [None, None]

    await until(is_scrubbed, "no answer and no row has the address", within_s=1, longest_pause_s=0.02)


async def test_payer_is_forgotten_within_a_second(hub):
    email = an_address()
    payment_id = await paid(hub, email)
    await hub.until_webhooks_are_delivered(until)
    assert email in await timeline_emails(hub, payment_id)
    asked = {"payer": email.upper(), "reason": "payer_request"}

    status, plan = await hub.administer("POST", f"{ADMIN}/forget", asked)
    assert (status, plan["dry_run"], [each["state"] for each in plan["payments"]]) == (200, True, ["ready"])
    assert plan["payments"][0]["goes"]["emails"] >= 1
    assert email in await timeline_emails(hub, payment_id)

    async with hub.socket(padaria_slug=MERCHANT) as socket:
        await socket.receive_json()
        status, done = await hub.administer("POST", f"{ADMIN}/forget", {**asked, "dry_run": False})
        forgotten_at_s = running_s()
        assert (status, [each["state"] for each in done["payments"]]) == (200, ["forgotten"])
        frame = await socket.receive_json(timeout=5)
        while frame.get("event") != "PayerForgotten":
            frame = await socket.receive_json(timeout=5)
        assert frame["payment_id"] == payment_id
        assert "@" not in json.dumps(frame)
        assert running_s() - forgotten_at_s < allowed(1)

    await until_scrubbed(hub, payment_id)
    assert running_s() - forgotten_at_s < allowed(1)
    emails = await timeline_emails(hub, payment_id)
    assert emails
    assert all(each.startswith("erased on 20") for each in emails)
    assert email not in hub.logs()
    status, again = await hub.administer("POST", f"{ADMIN}/forget", {**asked, "dry_run": False})
    assert (status, again["count"]) == (200, 0)
    assert f'"payment_id":{payment_id},' in (hub.home / "forgotten.jsonl").read_text()


async def test_merchants_text_is_hidden_with_the_payer(hub):
    named = {
        "title": "Bolo da Zuleica",
        "description": "Para Zuleica",
        "items": [{"nome": "Zuleica", "quantidade": 1, "preco_unitario": 9.5}],
    }
    created = await hub.link(**named)
    payment_id = created["payment_id"]
    await hub.pay_as_a_person(created["checkout_url"])
    await hub.until_checked(payment_id, status="approved")
    asked = {"payment_id": payment_id, "reason": "payer_request", "text": True}

    _, plan = await hub.administer("POST", f"{ADMIN}/forget", asked)
    assert plan["payments"][0]["text_hidden"] is False
    assert any("in the events only" in each["what"] for each in plan["stays"])
    status, done = await hub.administer("POST", f"{ADMIN}/forget", {**asked, "dry_run": False})
    assert (status, done["payments"][0]["text_hidden"]) == (200, True)

    async def is_hidden() -> bool:
        return "Zuleica" not in json.dumps(await listed(hub, payment_id))

    await until(is_hidden, "the list shows a neutral text", within_s=1, longest_pause_s=0.02)
    checked, events = await hub.check(payment_id), await hub.events(payment_id)
    assert checked["description"] == "Texto apagado"
    assert "Zuleica" not in json.dumps([checked, events])
    opened = next(each["data"] for each in events if each["type"] == "PaymentOpened")
    assert [(each["name"], each["quantity"]) for each in opened["items"]] == [("Texto apagado", 1)]
    (row,) = await hub.rows("SELECT document::text FROM payment_details WHERE payment_id = $1", payment_id)
    assert "Zuleica" not in row[0]


async def test_merchants_key_forgets_only_its_own_payers(hub, other_merchant):
    email = an_address()
    payment_id = await paid(hub, email)
    key = other_merchant.api_key
    asked = {"payer": email, "reason": "payer_request", "dry_run": False}

    status, _ = await hub.administer("POST", f"{ADMIN}/forget", asked, key=key)
    assert status in {403, 404}
    path = f"/admin/merchants/{other_merchant.slug}"
    status, answer = await hub.administer("POST", f"{path}/forget", asked)
    assert (status, answer["count"]) == (200, 0)
    one = {"payment_id": payment_id, "reason": "payer_request", "dry_run": False}
    status, answer = await hub.administer("POST", f"{path}/forget", one)
    assert (status, answer["code"]) == (404, "payment_not_found")
    status, answer = await hub.administer("POST", f"{path}/payments/{payment_id}/hold", {"reason": "litigation"})
    assert (status, answer["code"]) == (404, "payment_not_found")
    assert email in await timeline_emails(hub, payment_id)


@pytest.mark.parametrize(
    ("body", "code"),
    [
        ({"reason": "payer_request"}, "payer_or_payment"),
        ({"reason": "payer_request", "payer": "a@example.com", "payment_id": 1}, "payer_or_payment"),
        ({"reason": "Ana asked for it", "payer": "a@example.com"}, "invalid_reason"),
        ({"reason": "payer_request", "payer": "Ana"}, "invalid_person"),
        ({"reason": "payer_request", "payment_id": "15"}, "invalid_payment_number"),
    ],
)
async def test_invalid_request_is_refused(hub, body, code):
    status, answer = await hub.administer("POST", f"{ADMIN}/forget", body)
    assert (status, answer["code"]) == (400, code)


async def test_held_payment_is_not_forgotten(hub):
    payment_id = await paid(hub, an_address())
    path = f"{ADMIN}/payments/{payment_id}/hold"
    one = {"payment_id": payment_id, "reason": "payer_request", "dry_run": False}
    for body, code in (
        ({"reason": "x"}, "invalid_reason"),
        ({"reason": "dispute", "until": "2020-01-01T00:00:00Z"}, "until_passed"),
    ):
        status, answer = await hub.administer("POST", path, body)
        assert (status, answer["code"]) == (400, code)

    status, held = await hub.administer("POST", path, {"reason": "litigation", "until": "2099-01-01T00:00:00Z"})
    assert (status, held["held"], held["reason"]) == (200, True, "litigation")
    _, answer = await hub.administer("POST", f"{ADMIN}/forget", one)
    assert [(each["state"], each["held_because"]) for each in answer["payments"]] == [("held", "litigation")]

    for _ in range(2):
        status, released = await hub.administer("DELETE", path)
        assert (status, released["held"]) == (200, False)
    _, answer = await hub.administer("POST", f"{ADMIN}/forget", one)
    assert [each["state"] for each in answer["payments"]] == ["forgotten"]
    status, answer = await hub.administer("POST", path, {"reason": "litigation"})
    assert (status, answer["code"]) == (409, "payer_forgotten")


async def test_operator_forgets_on_the_command_line(hub, tmp_path):
    email = an_address()
    payment_id = await paid(hub, email)
    number = str(payment_id)

    held = await extrato(hub, "export-person", "--payer", "-", lines=f"{email}\n")
    (payment,) = json.loads(held.out)["payments"]
    assert (payment["payment_id"], email in payment["emails"], bool(payment["evidence"])) == (payment_id, True, True)

    plan = await extrato(hub, "forget", "--payer", email, "--reason", "payer_request")
    assert f"Merchant {MERCHANT}:\n  payment {number}: can be forgotten" in plan.out
    assert "Nothing was forgotten." in plan.out
    assert email in await timeline_emails(hub, payment_id)
    hold = await extrato(hub, "hold", "--payment", number, "--reason", "litigation")
    assert hold.out == f"Payment {number} is held until you run `extrato release`.\n"
    refused = await extrato(hub, "forget", "--payment", number, "--reason", "payer_request", "--yes")
    assert f"payment {number}: is held (litigation)" in refused.out
    assert (await extrato(hub, "release", "--payment", number)).code == 0

    # The gateway has the key in its memory; another process destroys it.
    assert (await hub.check(payment_id))["payer_email"] == email
    done = await extrato(hub, "forget", "--payer", "-", "--reason", "payer_request", "--yes", lines=f"{email}\n")
    await until_scrubbed(hub, payment_id)

    assert f"payment {number}: is forgotten" in done.out
    hide = ("forget", "--payment", number, "--text", "--reason", "payer_request")
    planned = (await extrato(hub, *hide)).out
    assert f"payment {number}: is forgotten; its text can be hidden" in planned
    assert "title, description, items, return address and reasons, in the events only: " in planned
    assert f"payment {number}: is forgotten, and its text is hidden" in (await extrato(hub, *hide, "--yes")).out
    assert all(each.startswith("erased on 20") for each in await timeline_emails(hub, payment_id))
    proof = await extrato(hub, "forget", "--proof", number)
    (destroyed,) = json.loads(proof.out)["payments"]
    assert (destroyed["reason"], destroyed["merchant"]) == ("payer_request", MERCHANT)
    assert email not in proof.out
    assert '"payments": []' in (await extrato(hub, "forget", "--proof", "--since", "2099-01-01T00:00:00Z")).out
    export = tmp_path / "elsewhere.jsonl"
    for added in ("", "It got 0 new lines."):
        told = await extrato(hub, "forgotten", "--export", str(export))
        assert (told.code, added in told.out) == (0, True)
    assert f'"payment_id":{number},' in export.read_text()
    assert email not in export.read_text()


@pytest.mark.parametrize(
    "words",
    [
        ("forget", "--reason", "payer_request"),
        ("forget", "--payer", "a@example.com"),
        ("forget", "--payer", "Ana", "--reason", "payer_request"),
        ("forget", "--payment", "999999999", "--reason", "payer_request"),
        ("forget", "--proof", "999999999"),
        ("forget", "--proof"),
        ("hold", "--payment", "999999999", "--reason", "litigation"),
        ("release", "--payment", "999999999"),
    ],
    ids=" ".join,
)
async def test_command_refuses_in_one_sentence(hub, words):
    said = await extrato(hub, *words)
    assert (said.code, said.out, said.errors.count("\n")) == (1, "", 1)
