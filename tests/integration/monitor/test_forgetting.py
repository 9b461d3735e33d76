"""Forgetting payers, and holds, with a simulated provider: crashes, restores, payments in flight, and the proof."""

from __future__ import annotations

import asyncio
import json
import uuid
from datetime import timedelta
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import pytest

from contracts.envelope import Cause
from contracts.events import (
    ObservationRecorded,
    PayerForgotten,
    PaymentHeld,
    PaymentOpened,
    PaymentReleased,
    TextHidden,
)
from contracts.events.hidden_text import HIDDEN_TEXT
from extrato.domain import merchant as merchant_domain
from extrato.domain.errors import Refused
from extrato.domain.payment.identifiers import stream_id
from extrato.settings import Keep
from extrato.store.forgotten_list import Listed, UnusableForgottenList, append_lines, read_list
from extrato.store.inbox import Delivery
from extrato.store.personal_data import UNREADABLE
from extrato.store.sealing import PaymentKey
from extrato.use_cases.cancel_payment import cancel_payment
from extrato.use_cases.change_merchant import change_merchant
from extrato.use_cases.confirm_payment import Transfer, confirm_payment
from extrato.use_cases.export_person import export_person
from extrato.use_cases.forget_payer import (
    apply_forgotten_list,
    complete_forgetting,
    find_payments,
    forget_payers,
    plan_forgetting,
)
from extrato.use_cases.forgetting_proof import prove_forgettings
from extrato.use_cases.handle_delivery import handle_delivery
from extrato.use_cases.hold_payment import hold_payment, release_payment
from extrato.use_cases.payments import load_payment
from extrato.use_cases.refresh_payment import refresh_payment
from extrato.use_cases.refund_payment import RefundWish, refund_payment
from extrato.values import Payer
from services.gateway.app import _set_back
from services.gateway.live.fanout import Fanout
from services.monitor.app import Monitor
from services.monitor.forgettings import Forgettings
from services.monitor.retention import Retention
from services.projections.apply import apply
from services.projections.read_models.payment_details import PAYMENT_DETAILS
from tests.examples import CREATED
from tests.integration.monitor.conftest import CAUSE

if TYPE_CHECKING:
    from pathlib import Path

    from extrato.use_cases.payments import LoadedPayment
    from tests.integration.monitor.conftest import Clock, World

ANA = "ana.lima@example.com"
OPERATOR = Cause(correlation_id="forget", actor="operator", actor_id="root")
# Everything that may hold what forgetting must erase.
PLACES = {
    "stored_events": "SELECT convert_from(state, 'UTF8') FROM stored_events",
    "payers": "SELECT encode(sealed, 'escape') FROM payers",
    "deliveries": "SELECT row_to_json(w)::text FROM webhook_deliveries w",
    "forgettings": "SELECT row_to_json(f)::text FROM forgettings f",
    "evidence": "SELECT encode(body, 'escape') FROM evidence",
}


@pytest.fixture
def nats_server(nats_url: str) -> SimpleNamespace:
    """These tests set no timers, so the session's server is enough."""
    return SimpleNamespace(url=nats_url)


@pytest.fixture
def listed(world: World, tmp_path: Path) -> Path:
    """The list of forgotten payments of the world's hub."""
    file = tmp_path / "forgotten.jsonl"
    world.hub.forgotten_list._file = file
    return file


async def paid(world: World, *, slug: str = "padaria", email: str = ANA) -> LoadedPayment:
    loaded = await world.open(slug, payer=Payer(email=email, name="Ana Lima", cpf="52998224725"))
    await world.sandbox.pay(loaded)
    await refresh_payment(world.hub, loaded.payment_id, cause=CAUSE)
    return await load_payment(world.hub, loaded.payment_id)


async def forget(world: World, *payment_ids: int, text: bool = False) -> list[str]:
    planned = await plan_forgetting(world.hub, payment_ids)
    done = await forget_payers(world.hub, planned, reason="payer_request", with_text=text, cause=OPERATOR)
    return [each.state for each in done]


async def shown_email(world: World, payment_id: int) -> str | None:
    loaded = await load_payment(world.hub, payment_id)
    return await world.hub.personal_data.open(payment_id, loaded.payment.payer_email)


async def remaining(world: World, payment_id: int) -> dict[str, int]:
    tables = ("person_tags", "payers")
    counts = {
        table: await world.pool.fetchval(f"SELECT count(*) FROM {table} WHERE payment_id = $1", payment_id)
        for table in tables
    }
    keys = "SELECT count(sealed) + count(tag) FROM payment_keys WHERE payment_id = $1"
    return {**counts, "keys": await world.pool.fetchval(keys, payment_id)}


async def documents_of(world: World, payment_id: int) -> Any:
    """Return the row of the read model, built from the whole log."""
    table = f"details_{uuid.uuid4().hex}"
    await world.pool.execute(PAYMENT_DETAILS.create.format(table=table))
    async with world.pool.acquire() as connection, connection.transaction():
        await apply(connection, PAYMENT_DETAILS, await world.hub.log.read_stream(stream_id(payment_id)), table=table)
    return dict(await world.pool.fetchrow(f"SELECT document, ledger FROM {table}"))


async def deliver(world: World, loaded: LoadedPayment, *, attempt_id: str) -> Delivery:
    delivery = Delivery(
        delivery_id=uuid.uuid4(),
        merchant=loaded.merchant,
        provider="mercado_pago",
        kind="payment",
        resource_id=attempt_id,
        verdict="verified",
        raw=json.dumps({"data": {"id": attempt_id}, "secret": ANA}).encode(),
        correlation_id="w",
        received_at=world.hub.now(),
    )
    await world.hub.inbox.store(delivery)
    return delivery


async def confirm(world: World, loaded: LoadedPayment, raw: bytes, *, transfer: str | None = None) -> None:
    intent = loaded.payment.intent
    confirmed = Transfer(
        bank_payment_id=intent.bank_payment_id,
        amount_centavos=intent.amount_centavos,
        end_to_end_id=transfer,
        paid_at=None,
        raw=raw,
    )
    await confirm_payment(world.hub, confirmed, merchant=None, grace=timedelta(), cause=CAUSE)


async def bodies_of(world: World, delivery: Delivery) -> int:
    query = """
        SELECT count(*) FROM webhook_deliveries w JOIN evidence e ON e.digest = w.evidence WHERE w.delivery_id = $1
    """
    count: int = await world.pool.fetchval(query, delivery.delivery_id)
    return count


# --- forgetting ---------------------------------------------------------------------------------


async def test_forgotten_payer_is_nowhere(world: World, listed: Path):
    payment = await paid(world)
    delivery = await deliver(world, payment, attempt_id=payment.payment.attempt_id or "")
    await handle_delivery(world.hub, delivery)
    before = payment.payment
    assert await shown_email(world, payment.payment_id)

    assert await forget(world, payment.payment_id) == ["forgotten"]

    assert await shown_email(world, payment.payment_id) is None
    assert await remaining(world, payment.payment_id) == {"person_tags": 0, "payers": 0, "keys": 0}
    assert await bodies_of(world, delivery) == 0
    assert await find_payments(world.hub, ANA) == []
    for place, query in PLACES.items():
        texts = [row[0] or "" for row in await world.pool.fetch(query)]
        assert not [text for text in texts if ANA in text or "52998224725" in text], place
    (event,) = await world.events(payment, PayerForgotten)
    assert event.event.reason == "payer_request"
    assert event.event.requested_by == "operator/root"
    after = (await load_payment(world.hub, payment.payment_id)).payment
    assert (after.status, after.ledger.total, list(after.attempts)) == (
        before.status,
        before.ledger.total,
        list(before.attempts),
    )
    assert [each.payment_id for each in read_list(listed)] == [payment.payment_id]


async def test_repeated_forgetting_records_nothing(world: World, listed: Path):
    payment = await paid(world)
    await forget(world, payment.payment_id)
    await asyncio.gather(*(complete_forgetting(world.hub, payment.payment_id, cause=CAUSE) for _ in range(3)))

    assert await forget(world, payment.payment_id) == ["forgotten"]

    assert len(await world.events(payment, PayerForgotten)) == 1
    assert len(read_list(listed)) == 1


async def test_concurrent_forgettings_record_one_event(world: World, listed: Path):
    payment = await paid(world)

    await asyncio.gather(*(forget(world, payment.payment_id) for _ in range(4)))

    assert len(await world.events(payment, PayerForgotten)) == 1
    assert {each.payment_id for each in read_list(listed)} == {payment.payment_id}


async def test_one_person_is_found_by_every_spelling_and_merchant(world: World):
    first = await paid(world)
    second = await paid(world, email="ANA.Lima+loja@EXAMPLE.com")
    elsewhere = await paid(world, slug="mercado")
    await paid(world, email="other@example.com")

    for payer in ("Ana.Lima+x@example.com", ANA):
        assert await find_payments(world.hub, payer) == [
            elsewhere.payment_id,
            second.payment_id,
            first.payment_id,
        ]
    assert await find_payments(world.hub, ANA, merchant="mercado") == [elsewhere.payment_id]
    assert len(await find_payments(world.hub, "529.982.247-25")) == 4
    with pytest.raises(Refused, match="e-mail"):
        await find_payments(world.hub, "Ana Lima")


async def test_every_payment_is_reached_past_many_held_ones(world: World, listed: Path):
    payments = [(await paid(world)).payment_id for _ in range(8)]
    for payment_id in payments[4:]:
        await hold_payment(world.hub, payment_id, reason="litigation", until=None, cause=OPERATOR)

    for free in (payments[2:4], payments[:2]):
        found = await find_payments(world.hub, ANA, most=2)
        assert found == sorted(payments[4:] + free, reverse=True)
        assert sorted(await forget(world, *found)) == ["forgotten"] * 2 + ["held"] * 4
    assert await find_payments(world.hub, ANA, most=2) == sorted(payments[4:], reverse=True)


async def test_payer_of_a_bank_is_found_by_the_document(world: World, listed: Path):
    set_key = merchant_domain.SetPixKey(kind="email", key="padaria@example.com")
    await change_merchant(world.hub, "padaria", [set_key], cause=CAUSE)
    by_bank = await world.open(provider="pix", method="pix")
    raw = {"pagador": {"cpf": "529.982.247-25", "nome": "Ana"}, "recebedor": {"cnpj": "11.222.333/0001-81"}}
    await confirm(world, by_bank, json.dumps(raw).encode())

    assert await find_payments(world.hub, "52998224725") == [by_bank.payment_id]
    assert await find_payments(world.hub, "11.222.333/0001-81") == []
    await forget(world, by_bank.payment_id)
    await confirm(world, by_bank, json.dumps(raw).encode(), transfer="E1234567820261129120000000000001")
    assert await find_payments(world.hub, "52998224725") == []


async def test_details_of_another_payment_are_not_replaced(world: World):
    """The sequence of payments is behind, as after a careless restore."""
    details = Payer(email=ANA, name="Ana Lima")
    requested, charged = await world.open(method="pix", payer=details), await world.open(method="pix", payer=details)
    await world.hub.payers.keep(requested.payment_id, details)
    for known, kept in ((requested, details), (charged, None)):
        world.hub.payment_ids.discard_spare()
        await world.pool.execute("SELECT setval('payment_numbers', $1, false)", known.payment_id)

        other = await world.open(method="pix", payer=Payer(email="rui@example.com", name="Rui Alves"))

        assert other.payment_id > charged.payment_id
        assert await world.hub.payers.recall(known.payment_id) == kept


async def test_merchants_request_leaves_the_payments_of_others(world: World, listed: Path):
    ours, theirs = await paid(world), await paid(world, slug="mercado")

    await forget(world, *await find_payments(world.hub, ANA, merchant="padaria"))

    assert await shown_email(world, ours.payment_id) is None
    assert await shown_email(world, theirs.payment_id)


async def test_forgotten_payer_pays_again(world: World, listed: Path):
    first = await paid(world)
    await forget(world, first.payment_id)

    second = await paid(world)

    assert await find_payments(world.hub, ANA) == [second.payment_id]
    assert await shown_email(world, second.payment_id)
    assert await shown_email(world, first.payment_id) is None


async def test_answer_after_the_forgetting_keeps_nothing_personal(world: World, listed: Path):
    payment = await paid(world)
    await forget(world, payment.payment_id)
    evidence = await world.pool.fetchval("SELECT count(*) FROM evidence")

    await refund_payment(
        world.hub, payment.payment_id, RefundWish(wish_id=str(uuid.uuid4()), amount_centavos=None), cause=CAUSE
    )
    delivery = await deliver(world, payment, attempt_id=payment.payment.attempt_id or "")
    await handle_delivery(world.hub, delivery)

    assert await world.status(payment) == "refunded"
    observed = (await world.events(payment, ObservationRecorded))[-1].event
    assert (observed.payer_email, observed.evidence) == (None, None)
    assert await world.pool.fetchval("SELECT count(*) FROM evidence") == evidence
    assert await bodies_of(world, delivery) == 0
    assert await remaining(world, payment.payment_id) == {"person_tags": 0, "payers": 0, "keys": 0}


async def test_read_model_after_forgetting_equals_a_rebuilt_one(world: World, listed: Path):
    payment = await paid(world)
    table = f"details_{uuid.uuid4().hex}"
    await world.pool.execute(PAYMENT_DETAILS.create.format(table=table))
    history = await world.hub.log.read_stream(stream_id(payment.payment_id))
    async with world.pool.acquire() as connection, connection.transaction():
        await apply(connection, PAYMENT_DETAILS, history, table=table)
    await forget(world, payment.payment_id)
    later = [each for each in await world.events(payment) if each.version > history[-1].version]
    async with world.pool.acquire() as connection, connection.transaction():
        await apply(connection, PAYMENT_DETAILS, later, table=table)

    followed = dict(await world.pool.fetchrow(f"SELECT document, ledger FROM {table}"))
    assert followed == await documents_of(world, payment.payment_id)
    document = json.loads(followed["document"])
    assert (document.get("payer_email"), bool(document["erased_at"])) == (None, True)
    assert "s1." not in followed["document"] + followed["ledger"]


# --- the merchant's text ------------------------------------------------------------------------


async def shown_texts(world: World, payment_id: int) -> set[str]:
    """Return the texts in the state and in a row that is built from the whole log."""
    intent = (await load_payment(world.hub, payment_id)).payment.intent
    document = json.loads((await documents_of(world, payment_id))["document"])
    return {intent.title, intent.description, document["title"], document["description"]}


async def test_text_is_hidden_with_the_payer_and_stays_in_the_events(world: World, listed: Path):
    payment = await paid(world)
    before = payment.payment.intent

    assert await forget(world, payment.payment_id, text=True) == ["forgotten"]

    assert await shown_texts(world, payment.payment_id) == {HIDDEN_TEXT}
    (opened,) = await world.events(payment, PaymentOpened)
    assert opened.event.title == before.title
    assert [each.text for each in read_list(listed)] == [True]
    (planned,) = await plan_forgetting(world.hub, [payment.payment_id])
    assert (planned.state, planned.is_text_hidden) == ("forgotten", True)


async def test_text_of_a_forgotten_payment_is_hidden_later(world: World, listed: Path, clock: Clock):
    payment = await paid(world)
    await forget(world, payment.payment_id)
    assert HIDDEN_TEXT not in await shown_texts(world, payment.payment_id)

    for _ in range(2):
        assert await forget(world, payment.payment_id, text=True) == ["forgotten"]

    assert await shown_texts(world, payment.payment_id) == {HIDDEN_TEXT}
    assert len(await world.events(payment, TextHidden)) == len(await world.events(payment, PayerForgotten)) == 1
    assert [each.text for each in read_list(listed)] == [False, True]
    clock.ahead = timedelta(days=1)
    assert await world.hub.forgettings.due(world.hub.now(), limit=9) == []


@pytest.mark.parametrize("is_forgotten", [False, True])
async def test_monitor_hides_a_text_after_a_crash(
    world: World, listed: Path, clock: Clock, monkeypatch: pytest.MonkeyPatch, *, is_forgotten: bool
):
    payment = await paid(world)
    if is_forgotten:
        await forget(world, payment.payment_id)

    async def killed(*_arguments: Any, **_named: Any) -> None:
        raise Killed

    with monkeypatch.context() as patched:
        patched.setattr("extrato.use_cases.forget_payer.change_payment", killed)
        with pytest.raises(Killed):
            await forget(world, payment.payment_id, text=True)
    clock.ahead = timedelta(minutes=1)
    await Forgettings(hub=world.hub).run_once()

    assert await shown_texts(world, payment.payment_id) == {HIDDEN_TEXT}
    assert len(await world.events(payment, TextHidden)) == 1


@pytest.mark.parametrize("was_forgotten", [False, True])
async def test_restore_hides_the_text_again(world: World, listed: Path, *, was_forgotten: bool):
    payment = await paid(world)
    if was_forgotten:
        await forget(world, payment.payment_id)
    backup = await back_up(world, payment)
    await forget(world, payment.payment_id, text=True)
    await restore(world, backup)
    assert HIDDEN_TEXT not in await shown_texts(world, payment.payment_id)

    assert await apply_forgotten_list(world.hub, read_list(listed)) == 1

    await Forgettings(hub=world.hub).run_once()
    assert await shown_texts(world, payment.payment_id) == {HIDDEN_TEXT}
    assert await apply_forgotten_list(world.hub, read_list(listed)) == 0


async def test_open_payment_keeps_its_text_until_its_end(world: World, listed: Path, clock: Clock):
    opened = await world.open(payer=Payer(email=ANA))
    assert await forget(world, opened.payment_id) == ["waiting"]
    assert await forget(world, opened.payment_id, text=True) == ["waiting"]
    assert HIDDEN_TEXT not in await shown_texts(world, opened.payment_id)

    await cancel_payment(world.hub, opened.payment_id, cause=CAUSE)
    clock.ahead = timedelta(minutes=2)
    await Forgettings(hub=world.hub).run_once()

    assert await shown_texts(world, opened.payment_id) == {HIDDEN_TEXT}


# --- payments in flight, and plain data ---------------------------------------------------------


async def test_open_payment_is_forgotten_after_its_end(world: World, listed: Path, clock: Clock):
    opened = await world.open(payer=Payer(email=ANA))

    assert await forget(world, opened.payment_id) == ["waiting"]
    (planned,) = await plan_forgetting(world.hub, [opened.payment_id])
    assert planned.waits_for == ["payment"]
    assert await shown_email(world, opened.payment_id) == ANA
    assert read_list(listed) == []

    await cancel_payment(world.hub, opened.payment_id, cause=CAUSE)
    clock.ahead = timedelta(minutes=2)
    await Forgettings(hub=world.hub).run_once()

    assert await shown_email(world, opened.payment_id) is None
    (event,) = await world.events(opened, PayerForgotten)
    assert (event.cause.actor, event.event.requested_by) == ("clock", "operator/root")


async def test_dispute_is_said_and_waited_for(world: World, listed: Path):
    payment = await paid(world)
    await world.sandbox.pay(payment, "charged_back")
    await refresh_payment(world.hub, payment.payment_id, cause=CAUSE)

    (planned,) = await plan_forgetting(world.hub, [payment.payment_id])

    assert (planned.state, planned.waits_for) == ("waiting", ["dispute"])


async def test_plain_address_of_an_older_version_is_not_half_forgotten(world: World, listed: Path):
    payment = await paid(world)
    plain = "UPDATE evidence SET sealed_by = NULL, payment_id = NULL WHERE payment_id = $1"
    await world.pool.execute(plain, payment.payment_id)

    assert await forget(world, payment.payment_id) == ["not_sealed"]

    assert await shown_email(world, payment.payment_id)
    assert await world.pool.fetchval("SELECT count(*) FROM forgettings") == 0


# --- crashes ------------------------------------------------------------------------------------


class Killed(BaseException):
    """The process ends here."""


@pytest.mark.parametrize("step", ["request", "begin", "destroy", "delete_bodies", "complete"])
@pytest.mark.parametrize("moment", ["before", "after"])
async def test_monitor_completes_a_forgetting_killed_at_any_step(
    world: World, listed: Path, clock: Clock, monkeypatch: pytest.MonkeyPatch, step: str, moment: str
):
    payment = await paid(world)
    method = getattr(world.hub.forgettings, step)

    async def killed(*arguments: Any, **named: Any) -> None:
        if moment == "after":
            await method(*arguments, **named)
        raise Killed

    with monkeypatch.context() as patched:
        patched.setattr(world.hub.forgettings, step, killed)
        with pytest.raises(Killed):
            await forget(world, payment.payment_id)
    clock.ahead = timedelta(minutes=1)
    await Forgettings(hub=world.hub).run_once()

    if (step, moment) == ("request", "before"):
        assert await shown_email(world, payment.payment_id)
        return
    assert await shown_email(world, payment.payment_id) is None
    assert len(await world.events(payment, PayerForgotten)) == 1
    assert await world.hub.forgettings.due(world.hub.now() + timedelta(days=1), limit=9) == []


async def test_forgetting_killed_before_its_event_is_completed(
    world: World, listed: Path, clock: Clock, monkeypatch: pytest.MonkeyPatch
):
    payment = await paid(world)

    async def killed(*_arguments: Any, **_named: Any) -> None:
        raise Killed

    with monkeypatch.context() as patched:
        patched.setattr("extrato.use_cases.forget_payer.change_payment", killed)
        with pytest.raises(Killed):
            await forget(world, payment.payment_id)
    assert await shown_email(world, payment.payment_id) is None
    with pytest.raises(Refused, match="forgotten"):
        await hold_payment(world.hub, payment.payment_id, reason="litigation", until=None, cause=CAUSE)
    clock.ahead = timedelta(minutes=1)
    await Forgettings(hub=world.hub).run_once()

    assert len(await world.events(payment, PayerForgotten)) == 1


async def test_nothing_is_destroyed_without_the_list(world: World, tmp_path: Path):
    payment = await paid(world)
    for file in (None, tmp_path / "missing" / "forgotten.jsonl"):
        world.hub.forgotten_list._file = file
        with pytest.raises(UnusableForgottenList):
            await forget(world, payment.payment_id)
        assert await shown_email(world, payment.payment_id)
        assert await world.pool.fetchval("SELECT count(*) FROM forgettings") == 0


# --- payments without personal data ----------------------------------------------------------------


async def test_payment_of_an_unknown_payer_gets_its_key_with_the_first_observation(world: World):
    payment = await world.open("padaria", payer=Payer())
    assert await world.pool.fetchval("SELECT count(*) FROM payment_keys") == 0
    await world.sandbox.pay(payment)
    await refresh_payment(world.hub, payment.payment_id, cause=CAUSE)

    assert await world.pool.fetchval("SELECT count(sealed) FROM payment_keys") == 1
    assert len(await world.hub.forgettings.evidence(payment.payment_id)) == 1


async def test_answer_about_a_forgotten_payment_without_a_key_is_not_kept(world: World):
    payment = await world.open("padaria", payer=Payer())
    await world.hub.forgettings.destroy([payment.payment_id])
    await world.sandbox.pay(payment)
    await refresh_payment(world.hub, payment.payment_id, cause=CAUSE)

    assert await remaining(world, payment.payment_id) == {"person_tags": 0, "payers": 0, "keys": 0}
    assert await world.hub.forgettings.evidence(payment.payment_id) == []


# --- restores -----------------------------------------------------------------------------------


async def back_up(world: World, payment: LoadedPayment) -> dict[str, Any]:
    tables = ("payment_keys", "person_tags", "forgettings")
    rows = {table: await world.pool.fetch(f"SELECT * FROM {table}") for table in tables}
    return {"position": (await world.events(payment))[-1].position, "rows": rows}


async def restore(world: World, backup: dict[str, Any]) -> None:
    """What a restore gives back: the rows of the backup, and a log that ends before later events."""
    await world.pool.execute("DELETE FROM stored_events WHERE notification_id > $1", backup["position"])
    for table, rows in backup["rows"].items():
        await world.pool.execute(f"DELETE FROM {table}")
        await world.pool.copy_records_to_table(table, records=[tuple(row) for row in rows])
    world.hub.personal_data.keys.forget()


async def test_restore_of_an_older_backup_ends_in_the_forgotten_state(world: World, listed: Path):
    payment = await paid(world)
    backup = await back_up(world, payment)
    await forget(world, payment.payment_id)
    await restore(world, backup)
    assert await shown_email(world, payment.payment_id)

    assert await apply_forgotten_list(world.hub, read_list(listed)) == 1

    world.hub.personal_data.keys.forget()
    assert await shown_email(world, payment.payment_id) is None
    assert await find_payments(world.hub, ANA) == []
    await Forgettings(hub=world.hub).run_once()
    (event,) = await world.events(payment, PayerForgotten)
    assert (event.event.reason, event.event.requested_by) == ("earlier_request", "forgotten_list")
    assert await apply_forgotten_list(world.hub, read_list(listed)) == 0


async def test_list_of_another_log_or_an_older_payment_has_no_effect(world: World, listed: Path):
    payment = await paid(world)
    log_id = (await world.hub.log.identity.read()).log_id
    long_ago = payment.opened_at - timedelta(days=1)

    lines = [
        Listed(log_id=uuid.uuid4(), payment_id=payment.payment_id, at=world.hub.now()),
        Listed(log_id=log_id, payment_id=payment.payment_id, at=long_ago),
        Listed(log_id=log_id, payment_id=payment.payment_id + 1000, at=world.hub.now()),
    ]
    assert await apply_forgotten_list(world.hub, lines) == 0

    assert await shown_email(world, payment.payment_id)


def test_incomplete_line_of_a_crash_is_dropped(tmp_path: Path):
    file = tmp_path / "forgotten.jsonl"
    first, second = (Listed(log_id=uuid.UUID(int=1), payment_id=n, at=CREATED) for n in (1, 2))
    append_lines(file, [first])
    with file.open("ab") as torn:
        torn.write(b'{"log_id":"0000')
    assert read_list(file) == [first]

    append_lines(file, [second])

    assert read_list(file) == [first, second]
    file.write_bytes(b"nonsense\n")
    with pytest.raises(UnusableForgottenList, match="line"):
        read_list(file)


# --- holds --------------------------------------------------------------------------------------


async def test_held_payment_is_not_forgotten_and_keeps_its_evidence(world: World, listed: Path, clock: Clock):
    held, other = await paid(world), await paid(world)
    deliveries = [await deliver(world, each, attempt_id=each.payment.attempt_id or "") for each in (held, other)]
    for delivery in deliveries:
        await handle_delivery(world.hub, delivery)
    for _ in range(2):
        await hold_payment(world.hub, held.payment_id, reason="litigation", until=None, cause=OPERATOR)
    assert len(await world.events(held, PaymentHeld)) == 1

    assert await forget(world, held.payment_id) == ["held"]
    assert await shown_email(world, held.payment_id)
    clock.ahead = timedelta(days=500)
    await Retention(pool=world.pool, now=world.hub.now, keep=world.settings.keep).run_once()
    assert [await bodies_of(world, each) for each in deliveries] == [1, 0]
    owners = "SELECT DISTINCT payment_id FROM evidence WHERE payment_id IS NOT NULL"
    assert [row[0] for row in await world.pool.fetch(owners)] == [held.payment_id]

    for _ in range(2):
        await release_payment(world.hub, held.payment_id, cause=OPERATOR)
    assert len(await world.events(held, PaymentReleased)) == 1
    await Retention(pool=world.pool, now=world.hub.now, keep=world.settings.keep).run_once()
    assert await world.pool.fetchval("SELECT count(*) FROM evidence") == 0
    assert await forget(world, held.payment_id) == ["forgotten"]


async def test_hold_stops_a_forgetting_that_waits(world: World, listed: Path, clock: Clock):
    opened = await world.open(payer=Payer(email=ANA))
    await forget(world, opened.payment_id)
    await hold_payment(world.hub, opened.payment_id, reason="dispute", until=None, cause=OPERATOR)
    await cancel_payment(world.hub, opened.payment_id, cause=CAUSE)
    clock.ahead = timedelta(minutes=2)
    await Forgettings(hub=world.hub).run_once()
    assert await shown_email(world, opened.payment_id) == ANA

    await release_payment(world.hub, opened.payment_id, cause=OPERATOR)
    clock.ahead = timedelta(minutes=4)
    await Forgettings(hub=world.hub).run_once()

    assert await shown_email(world, opened.payment_id) is None


async def test_hold_after_the_plan_leaves_no_request(world: World, listed: Path, clock: Clock):
    payment = await paid(world)
    planned = await plan_forgetting(world.hub, [payment.payment_id])
    await hold_payment(world.hub, payment.payment_id, reason="litigation", until=None, cause=OPERATOR)

    (answer,) = await forget_payers(world.hub, planned, reason="payer_request", cause=OPERATOR)

    assert (answer.state, answer.requested_at) == ("held", None)
    await release_payment(world.hub, payment.payment_id, cause=OPERATOR)
    clock.ahead = timedelta(days=1)
    await Forgettings(hub=world.hub).run_once()
    assert await shown_email(world, payment.payment_id)


async def test_hold_after_the_request_is_shown_with_the_request(world: World, listed: Path, clock: Clock):
    opened = await world.open(payer=Payer(email=ANA))
    await forget(world, opened.payment_id)
    await hold_payment(world.hub, opened.payment_id, reason="litigation", until=None, cause=OPERATOR)

    (planned,) = await plan_forgetting(world.hub, [opened.payment_id])

    assert planned.state == "held"
    assert planned.requested_at is not None


async def test_hold_has_a_known_reason_and_an_end_in_the_future(world: World):
    payment = await paid(world)
    past = world.hub.now() - timedelta(hours=1)
    for reason, until, code in (("because", None, "invalid_reason"), ("litigation", past, "until_passed")):
        with pytest.raises(Refused) as refused:
            await hold_payment(world.hub, payment.payment_id, reason=reason, until=until, cause=OPERATOR)
        assert refused.value.code == code


@pytest.mark.parametrize("role", ["gateway", "monitor"])
async def test_role_drops_its_keys_when_the_log_went_back(world: World, role: str):
    """A number that the log has lost is given again, to a payment with another key."""
    payment = await paid(world)
    await world.pool.execute("DELETE FROM payment_keys")
    assert await shown_email(world, payment.payment_id) == ANA

    if role == "gateway":
        _set_back(world.hub, Fanout(), 0)
    else:
        bus: Any = None
        Monitor(hub=world.hub, pool=world.pool, bus=bus, resume_after=timedelta(), keep=Keep()).forget()

    assert await shown_email(world, payment.payment_id) == UNREADABLE


# --- proof and answer ---------------------------------------------------------------------------


async def test_proof_names_what_was_destroyed_without_personal_data(world: World, listed: Path):
    payment = await paid(world)
    delivery = await deliver(world, payment, attempt_id=payment.payment.attempt_id or "")
    await handle_delivery(world.hub, delivery)
    await forget(world, payment.payment_id)

    proof = await prove_forgettings(world.hub, payment_id=payment.payment_id, since=None)

    (destroyed,) = proof.payments
    opened, *observed = [each.event_id for each in await world.events(payment, PaymentOpened, ObservationRecorded)]
    assert [each.event_id for each in destroyed.fields] == [opened, *observed]
    assert {each.kind for each in destroyed.evidence} == {"provider/payment"}
    assert destroyed.deleted_webhook_bodies == [delivery.delivery_id]
    assert destroyed.position == (await world.events(payment, PayerForgotten))[0].position
    since = await prove_forgettings(world.hub, payment_id=None, since=payment.opened_at)
    assert since.payments == proof.payments


async def test_export_shows_everything_that_is_held_of_a_person(world: World, listed: Path):
    payment = await paid(world)
    forgotten = await paid(world)
    await forget(world, forgotten.payment_id)

    held = await export_person(world.hub, "529.982.247-25", evidence_kept=timedelta(days=400))

    (only,) = held.payments
    assert (only.payment_id, only.merchant, held.found_by) == (payment.payment_id, "padaria", "cpf")
    assert ANA in only.emails
    assert {each.kind for each in only.evidence} == {"provider/payment"}
    assert all(each.kept_until - each.first_seen_at == timedelta(days=400) for each in only.evidence)


async def test_export_shows_what_the_bank_says_about_the_payer(world: World, listed: Path):
    payer = Payer(email=ANA, name="Ana Lima", cpf="52998224725")
    by_provider = await world.open(method="pix", payer=payer)
    await world.sandbox.pay(by_provider)
    await refresh_payment(world.hub, by_provider.payment_id, cause=CAUSE)
    set_key = merchant_domain.SetPixKey(kind="email", key="padaria@example.com")
    await change_merchant(world.hub, "padaria", [set_key], cause=CAUSE)
    by_bank = await world.open(provider="pix", method="pix", payer=payer)
    raw = b'{"bank_payment_id": "x", "pagador": {"nome": "Ana Lima"}}'
    await confirm(world, by_bank, raw)

    held = await export_person(world.hub, ANA, evidence_kept=timedelta(days=400))

    said = {each.payment_id: [piece.payer for piece in each.evidence] for each in held.payments}
    assert said[by_bank.payment_id] == [json.loads(raw)]
    path = "point_of_interaction.transaction_data.bank_info.payer"
    assert any("Ana Lima" in str(piece[path]) for piece in said[by_provider.payment_id] if piece and path in piece)


async def test_export_goes_on_after_evidence_that_was_changed(world: World, listed: Path):
    await paid(world)
    await world.pool.execute("UPDATE evidence SET body = '\\x00'")

    held = await export_person(world.hub, ANA, evidence_kept=timedelta(days=400))

    assert {piece.payer for each in held.payments for piece in each.evidence} == {None}


async def test_known_answer_is_not_encrypted(world: World, monkeypatch: pytest.MonkeyPatch):
    payment = await paid(world)
    monkeypatch.delattr(PaymentKey, "seal")
    monkeypatch.delattr(PaymentKey, "seal_evidence")

    decided = await refresh_payment(world.hub, payment.payment_id, cause=CAUSE)

    assert (decided.events, decided.after) == ((), payment)
