"""A story with many payers, of which one is forgotten: nothing of that person is left, and all else is as before.

The hub has its own home, because the test reads all of its files.
"""

from __future__ import annotations

import asyncio
import json
import os
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest

from tests import pace
from tests.commands import run_command
from tests.homes import as_superuser, new_home, put_database_in
from tests.person_search import compact, files_of, found_in, messages_of, rows_of
from tests.running_hub import MERCHANT, RunningHub, in_good_order, running_hub

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

NAME, CPF, PHONE = "Zélia Quintanilha", "529.982.247-25", "+55 21 99183-7264"
SPELLINGS = (
    "zelia.quintanilha@correio-raro.com.br",
    "Zelia.Quintanilha@Correio-Raro.com.br",
    "zelia.quintanilha+loja@correio-raro.com.br",
)
TEXTS = ("quintanilha", "correio-raro", "529.982.247-25", "52998224725", "99183-7264", "991837264")
ROWS = (
    "SELECT * FROM payment_details WHERE payment_id = ANY ($1) ORDER BY payment_id",
    "SELECT * FROM payment_keys WHERE payment_id = ANY ($1) ORDER BY payment_id",
    "SELECT * FROM person_tags WHERE payment_id = ANY ($1) ORDER BY payment_id, tag",
    "SELECT * FROM evidence WHERE payment_id = ANY ($1) ORDER BY digest",
    "SELECT * FROM payment_details_filters WHERE payment_id = ANY ($1) ORDER BY payment_id",
    "SELECT * FROM statement WHERE payment_id = ANY ($1) ORDER BY payment_id",
    "SELECT * FROM statement_lines WHERE payment_id = ANY ($1) ORDER BY payment_id, number",
)
# What a forgetting changes in answers about a payment.
CHANGED = frozenset({"payer_email", "metadata", "updated_at"})
# Times that pass, also without a forgetting.
PASSING = frozenset({"verified_at", "next_check_at"})
# What the merchant wrote, which stays plain.
IN_PLAIN = ("padaria do marcos", MERCHANT)
OTHERS = tuple(f"cliente.{number}@outro-correio.com.br" for number in range(6))


@pytest.fixture
async def own_hub() -> AsyncIterator[RunningHub]:
    with new_home() as home:
        await asyncio.to_thread(put_database_in, home)
        await asyncio.to_thread(as_superuser, home, "GRANT pg_checkpoint TO extrato;")
        async with running_hub(home) as started, in_good_order(started) as hub:
            yield hub


class Story:
    """The payments of the story: those of the person, and those of others."""

    def __init__(self, hub: RunningHub) -> None:
        self.hub = hub
        self.of_person: list[int] = []
        self.of_others: list[int] = []

    @property
    def all(self) -> list[int]:
        return sorted(self.of_person + self.of_others)

    async def tell(self) -> None:
        typed = {"name": NAME, "document": CPF, "phone": "(21) 99183-7264"}
        self.of_person = [
            await self._by_card(SPELLINGS[0], **typed),
            await self._by_card(SPELLINGS[1]),
            await self._by_pix_of_a_link(SPELLINGS[2], **typed),
            await self._by_cart({"name": NAME, "email": SPELLINGS[0], "cpf": CPF, "phone": PHONE}),
            # The shop knows no address: the payer types one, or only other data.
            await self._by_card(None, email=SPELLINGS[1].upper()),
            await self._by_card(None, document=CPF.replace(".", "").replace("-", "")),
            await self._by_order({"email": SPELLINGS[1], "name": NAME, "cpf": CPF, "phone": PHONE}, client=NAME),
        ]
        await self._refund(self.of_person[3])
        self.of_others = [
            *[await self._by_card(email, name="Rui Alves", document="111.444.777-35") for email in OTHERS[:3]],
            await self._by_pix_of_a_link(OTHERS[3], phone="(21) 99183-0000"),
            await self._by_cart({"name": "Rui Alves", "email": OTHERS[4], "cpf": "111.444.777-35"}),
            await self._by_direct_pix(),
            await self._by_order({"email": OTHERS[0]}, client="Rui Alves"),
            (await self.hub.link(payer_email=OTHERS[5]))["payment_id"],
        ]
        await self._refund(self.of_others[4])
        await self._refused()

    async def _by_card(self, known: str | None, **typed: str) -> int:
        created = await self.hub.link(**({} if known is None else {"payer_email": known}))
        await self._press(created["checkout_url"], "card", **typed)
        return await self._paid(created)

    async def _by_pix_of_a_link(self, email: str, **typed: str) -> int:
        created = await self.hub.link(payer_email=email)
        ticket = await self._press(created["checkout_url"], "pix", **typed)
        await self._press(ticket, "pay")
        return await self._paid(created)

    async def _by_cart(self, customer: dict[str, str]) -> int:
        body = {"padaria_slug": MERCHANT, "items": [{"nome": "Pão Francês", "quantidade": 4}], "customer": customer}
        headers = {"Idempotency-Key": f"carrinho-{len(self.of_person)}-{customer['cpf'][:3]}"}
        for expected in (201, 200):
            status, created = await self.hub.post("/payments/api/cart/", body, headers)
            assert status in {201, expected}, created
        target = {"external_reference": created["external_reference"], "outcome": "approved"}
        await self.hub.sandbox("POST", "/_sandbox/pay", target)
        return await self._paid(created)

    async def _by_direct_pix(self) -> int:
        _, answer = await self.hub.post("/payments/pix", {"value": 12.5})
        payment = answer["payment"]
        confirmation = {"bank_payment_id": payment["bank_payment_id"], "value": 12.5}
        await self.hub.post("/payments/pix/confirmation", confirmation)
        return payment["id"]

    async def _by_order(self, payer: dict[str, str], *, client: str) -> int:
        items = [{"name": "Pão Francês", "quantity": 4}]
        body = {"method": "mercado_pago_pix", "items": items, "payer": payer, "metadata": {"cliente": client}}
        status, created = await self.hub.post("/v1/payments", body)
        assert status == 201, created
        number = int(created["id"])
        loaded = await self.hub.rows(
            "SELECT document ->> 'external_reference' FROM open_payments WHERE payment_id = $1", number
        )
        await self.hub.sandbox("POST", "/_sandbox/pay", {"external_reference": loaded[0][0], "outcome": "approved"})
        await self.hub.until_checked(number, status="approved")
        return number

    async def _refund(self, payment_id: int) -> None:
        status, answer = await self.hub.post(
            f"/payments/api/{payment_id}/refund/", {"amount": 1.0, "reason": "quebrado"}
        )
        assert status in {200, 202}, answer
        await self.hub.until_checked(payment_id, refunded_amount=1.0)

    async def _refused(self) -> None:
        """Requests that the hub refuses because of the person's data."""
        customer = {"name": NAME, "email": SPELLINGS[0], "cpf": "529.982.247-26", "phone": PHONE}
        for path, more in (("cart", {"customer": customer}), ("generate-link", {"payer_email": f"{SPELLINGS[0]}@"})):
            body = {"padaria_slug": MERCHANT, "items": [{"nome": "Pão Francês", "quantidade": 4}], **more}
            status, _ = await self.hub.post(f"/payments/api/{path}/", body)
            assert status == 400

    async def _press(self, address: str, choice: str, **typed: str) -> str:
        data = {"choice": choice, **typed}
        async with self.hub.session.post(address, data=data, allow_redirects=False) as answer:
            assert answer.status in {200, 303}, await answer.text()
            return answer.headers.get("Location", "")

    async def _paid(self, created: dict[str, Any]) -> int:
        await self.hub.until_checked(created["payment_id"], status="approved")
        return created["payment_id"]


async def answers_of(hub: RunningHub, payment_ids: list[int]) -> dict[str, Any]:
    """What the hub answers about these payments, by address; the list by payment."""
    answers: dict[str, Any] = {}
    for payment_id in payment_ids:
        checked = await hub.check(payment_id)
        # The time of the question to the provider.
        answers[f"check {payment_id}"] = {name: value for name, value in checked.items() if name != "synced_at"}
        answers[f"events {payment_id}"] = events = await hub.events(payment_id)
        digests = {event["data"]["evidence"] for event in events if event["data"].get("evidence")}
        for digest in sorted(digests):
            answers[f"evidence {payment_id} {digest}"] = await hub.administer(
                "GET", f"/payments/api/{payment_id}/evidence/{digest}/"
            )
        _, read = await hub.get(f"/v1/payments/{payment_id}")
        answers[f"read {payment_id}"] = {name: value for name, value in read.items() if name not in PASSING}
        _, answers[f"timeline {payment_id}"] = await hub.get(f"/v1/payments/{payment_id}/events?limit=200")
        _, answers[f"refunds {payment_id}"] = await hub.get(f"/v1/payments/{payment_id}/refunds")
    _, found = await hub.get("/v1/payments?limit=200")
    for row in found["data"]:
        answers[f"row {row['id']}"] = {name: value for name, value in row.items() if name not in PASSING}
    answers["statement"] = await statement_of(hub)
    _, listed = await hub.get(f"/payments/api/pending/?padaria_slug={MERCHANT}&status=all&limit=1000")
    answers |= {f"list {each['payment_id']}": each for each in listed["payments"]}
    _, monitors = await hub.get("/payments/api/monitors/")
    return answers | {"monitors": monitors["payment_ids"]}


async def statement_of(hub: RunningHub) -> str:
    """The statement of the days around this one, as CSV."""
    today = datetime.now(UTC).date()
    period = f"from={today - timedelta(days=1)}&to={today + timedelta(days=1)}"
    headers = {"Authorization": f"Bearer {hub.api_key}"}
    async with hub.session.get(f"{hub.url}/v1/statement?{period}&format=csv", headers=headers) as answer:
        assert answer.status == 200, await answer.text()
        return await answer.text()


async def frames_of(hub: RunningHub) -> list[Any]:
    """The frames of a socket that reads all events from the beginning, and those of one that reads a snapshot."""
    frames: list[Any] = []
    for query in ({"after": "0"}, {}):
        async with hub.socket(padaria_slug=MERCHANT, **query) as socket:
            frames.append(await socket.receive_json(timeout=20))
            while True:
                try:
                    frames.append(await socket.receive_json(timeout=0.5))
                except TimeoutError:
                    break
    return frames


async def stored_in(hub: RunningHub, texts: tuple[str, ...]) -> dict[str, list[str]]:
    """Return the places that contain some of the texts: files, tables and streams."""
    places = {name: found_in(data, texts) for name, data in files_of(hub.home)}
    async for name, data in rows_of(hub.owners_database_url):
        places[name] = found_in(data, texts)
    async for name, data in messages_of(hub.addresses["subscriber_nats_url"]):
        places[name] = found_in(data, texts)
    return {name: found for name, found in places.items() if found}


def as_bytes(answer: Any) -> bytes:
    return json.dumps(answer, ensure_ascii=False).encode()


async def rows_about(hub: RunningHub, payment_ids: list[int]) -> list[list[tuple[Any, ...]]]:
    return [await hub.rows(query, payment_ids) for query in ROWS]


async def log_of(hub: RunningHub) -> list[tuple[Any, ...]]:
    return await hub.rows("SELECT * FROM stored_events ORDER BY notification_id")


def without_erased(answer: Any) -> Any:
    """An answer about a payment of the person, without what the forgetting may change."""
    if isinstance(answer, list):
        return [without_erased(each) for each in answer if not is_forgetting(each)]
    if isinstance(answer, dict):
        return {name: without_erased(value) for name, value in answer.items() if name not in CHANGED}
    return answer


def is_forgetting(event: Any) -> bool:
    return isinstance(event, dict) and event.get("type") in {"PayerForgotten", "PayerForgotten.v1"}


async def extrato(hub: RunningHub, *words: str, payer: str) -> str:
    environment = {**os.environ, "EXTRATO_HOME": str(hub.home)}
    said = await run_command((*words, "--payer", "-"), lines=f"{payer}\n", environment=environment)
    assert said.code == 0, said
    return said.out


async def until_forgotten(hub: RunningHub, payment_id: int) -> None:
    async def is_forgotten() -> bool:
        listed = await answers_of(hub, [payment_id])
        return all(listed[f"{name} {payment_id}"]["payer_email"] is None for name in ("check", "list"))

    await pace.until(is_forgotten, f"the payer of {payment_id} is forgotten", within_s=5)


async def test_forgotten_payer_is_nowhere_and_all_else_is_as_before(own_hub):
    hub, story = own_hub, Story(own_hub)
    await story.tell()
    await hub.until_webhooks_are_delivered(pace.until)
    before, log_before = await answers_of(hub, story.all), await log_of(hub)
    rows_before = await rows_about(hub, story.of_others)
    assert all(rows_before)
    assert {"quintanilha", "correio-raro", "52998224725", "991837264"} <= {*found_in(as_bytes(before), TEXTS)}

    # At rest the person's data is encrypted, and the same search finds plain text.
    await compact(hub)
    assert await stored_in(hub, TEXTS) == {}
    in_plain = await stored_in(hub, IN_PLAIN)
    assert {"table stored_events", "stream PAYMENTS"} < in_plain.keys()
    for folder in ("postgres/data/base/", "nats/jetstream/", "logs/"):
        assert any(name.startswith(folder) for name in in_plain), folder

    said = ""
    for payer in (SPELLINGS[2].upper(), CPF):
        said += await extrato(hub, "forget", "--reason", "payer_request", "--yes", payer=payer)
    assert said.count("is forgotten") == len(story.of_person)
    for payment_id in story.of_person:
        await until_forgotten(hub, payment_id)

    after, log_after = await answers_of(hub, story.all), await log_of(hub)
    told = after | {"sockets": await frames_of(hub), "export": await extrato(hub, "export-person", payer=SPELLINGS[0])}
    assert [name for name, answer in told.items() if found_in(as_bytes(answer), TEXTS)] == []
    await compact(hub)
    assert await stored_in(hub, TEXTS) == {}

    assert log_after[: len(log_before)] == log_before
    assert await rows_about(hub, story.of_others) == rows_before
    for payment_id in story.of_person:
        shown = [event["data"].get("payer_email") for event in after[f"events {payment_id}"]]
        assert [each for each in shown if each and not each.startswith("erased on 20")] == []
    for name, answer in before.items():
        if name in {"monitors", "statement"} or int(name.split()[1]) in story.of_others:
            assert as_bytes(after[name]) == as_bytes(answer), name
        elif name.startswith("evidence"):
            assert after[name][0] == 410, name
        else:
            assert without_erased(after[name]) == without_erased(answer), name
