"""`GET /v1/statement` over HTTP: lines, balances, both formats, positions and bad input."""

from __future__ import annotations

import asyncio
import csv
import io
import os
import signal
from datetime import UTC, date, datetime, timedelta
from typing import Any

import aiohttp
import pytest

from contracts.statement_kinds import KINDS
from extrato.domain.payment.commands import ConfirmByBank
from extrato.use_cases.payments import change_payment
from tests.e2e.test_money_that_does_not_fit import transfer
from tests.pace import have_one_day
from tests.pace import until as until_true
from tests.running_hub import CAUSE


class Shop:
    """A merchant of one test with direct Pix payments, and its statement."""

    def __init__(self, hub: Any) -> None:
        self.hub = hub
        self.transfers = 0

    async def paid(self, reais: float, *, paid_at: datetime | None = None, description: str = "Pedido") -> Any:
        """A payment that is confirmed by the bank."""
        status, created = await self.hub.post("/payments/pix", {"value": reais, "description": description})
        assert status == 201, created
        payment = created["payment"]
        self.transfers += 1
        body = {
            "bank_payment_id": payment["bank_payment_id"],
            "value": reais,
            "end_to_end_id": transfer(payment["id"] * 100 + self.transfers),
        }
        if paid_at is not None:
            # The route refuses a time before the payment was created, so this skips the route.
            await self._told_late(payment["id"], round(reais * 100), body["end_to_end_id"], paid_at)
            return {**payment, "end_to_end_id": body["end_to_end_id"]}
        status, answer = await self.hub.post("/payments/pix/confirmation", body)
        assert status == 200, answer
        return {**payment, "end_to_end_id": body["end_to_end_id"]}

    async def _told_late(self, payment_id: int, amount_centavos: int, name: str, paid_at: datetime) -> None:
        confirmation = ConfirmByBank(
            amount_centavos=amount_centavos,
            end_to_end_id=name,
            received_at=datetime.now(UTC),
            paid_at=paid_at,
            grace=timedelta(0),
            evidence=None,
        )
        async with self.hub.inside() as inside:
            await change_payment(inside, payment_id, [confirmation], cause=CAUSE)

    async def returned(self, payment: Any, reais: float, *, at: datetime) -> None:
        body = {
            "return_id": f"D{payment['id']}",
            "end_to_end_id": payment["end_to_end_id"],
            "amount": reais,
            "returned_at": at.isoformat(),
        }
        status, answer = await self.hub.post(f"/payments/pix/{payment['id']}/returned", body)
        assert status == 200, answer

    async def ask(self, **query: Any) -> tuple[aiohttp.ClientResponse, bytes]:
        today = datetime.now(UTC).date()
        asked = {"from": today - timedelta(days=2), "to": today, "timezone": "UTC", **query}
        parameters = {name: str(value) for name, value in asked.items() if value is not None}
        async with self.hub.session.get(
            f"{self.hub.url}/v1/statement", params=parameters, headers=self.hub.headers
        ) as answer:
            return answer, await answer.read()

    async def statement(self, **query: Any) -> Any:
        answer, _ = await self.ask(**query)
        assert answer.status == 200
        return await answer.json()

    async def csv(self, **query: Any) -> tuple[str, list[list[str]]]:
        """The text of a CSV, and its rows."""
        answer, body = await self.ask(format="csv", **query)
        assert (answer.status, answer.content_type) == (200, "text/csv")
        text = body.decode()
        rows = csv.reader(io.StringIO(text.removeprefix("\ufeff")), delimiter=";" if text[0] == "\ufeff" else ",")
        return text, list(rows)


@pytest.fixture
async def shop(hub: Any, other_merchant: Any) -> Shop:
    await have_one_day("UTC")
    return Shop(hub.acting_for(other_merchant.slug, other_merchant.api_key))


@pytest.fixture
def yesterday(shop: Shop) -> datetime:
    del shop  # It waits out the end of a day.
    return datetime.combine(datetime.now(UTC).date() - timedelta(days=1), datetime.min.time(), UTC)


async def test_statements_of_other_content_have_other_ids(shop: Shop):
    asked = [
        {},
        {"basis": "recorded"},
        {"timezone": "America/Sao_Paulo"},
        {"group_by": "day"},
        {"group_by": "method"},
        {"from": datetime.now(UTC).date()},
    ]
    statements = [await shop.statement(**query) for query in asked]
    assert len({each["id"] for each in statements}) == len(asked)
    [first, *_] = statements
    again = await shop.statement(as_of=first["as_of"])
    assert again["id"] == first["id"]


async def test_statement_has_lines_and_balances(shop: Shop):
    payment = await shop.paid(35)
    await shop.returned(payment, 10, at=datetime.now(UTC))
    statement = await shop.statement()
    assert (statement["opening_centavos"], statement["closing_centavos"]) == (0, 2500)
    received, returned = statement["lines"]
    assert (received["id"], received["kind"], received["amount_centavos"]) == (
        f"line_{payment['id']}_1",
        "received",
        3500,
    )
    assert (returned["kind"], returned["amount_centavos"], returned["method"]) == ("returned", -1000, "pix")
    assert received["booked_at"].endswith("Z")
    assert [(each["kind"], each["lines"], each["amount_centavos"]) for each in statement["totals"]] == [
        ("received", 1, 3500),
        ("returned", 1, -1000),
    ]


async def test_late_event_moves_the_day_of_the_money_but_no_book_by_record(shop: Shop, yesterday: datetime):
    await shop.paid(20, paid_at=yesterday + timedelta(hours=10))
    day = yesterday.date()
    moved = await shop.statement(**{"from": day, "to": day})
    recorded = await shop.statement(**{"from": day, "to": day}, basis="recorded")
    assert [line["amount_centavos"] for line in moved["lines"]] == [2000]
    assert moved["lines"][0]["booked_at"] < moved["lines"][0]["recorded_at"]
    assert (recorded["lines"], recorded["closing_centavos"]) == ([], 0)


async def test_same_position_gives_the_same_bytes(shop: Shop, yesterday: datetime):
    await shop.paid(20)
    answer, body = await shop.ask()
    as_of = (await answer.json())["as_of"]
    assert answer.headers["Extrato-Position"] == as_of
    texts = {name: await shop.ask(**query, as_of=as_of) for name, query in FORMS.items()}
    await shop.paid(30, paid_at=yesterday)
    await shop.paid(40)
    assert (await shop.statement())["closing_centavos"] == 9000
    assert (await shop.ask(as_of=as_of))[1] == body
    assert {name: (await shop.ask(**query, as_of=as_of))[1] for name, query in FORMS.items()} == {
        name: text for name, (_, text) in texts.items()
    }


FORMS: dict[str, dict[str, str]] = {
    "days": {"group_by": "day"},
    "methods": {"group_by": "method"},
    "csv": {"format": "csv", "locale": "pt-BR"},
    "recorded": {"basis": "recorded", "group_by": "day", "format": "csv"},
}


async def test_closing_of_a_day_is_the_opening_of_the_next(shop: Shop, yesterday: datetime):
    for nth, reais in enumerate((5, 7, 11)):
        await shop.paid(reais, paid_at=yesterday + timedelta(hours=12 * nth - 12))
    days = (await shop.statement(group_by="day"))["days"]
    assert [(day["opening_centavos"], day["closing_centavos"]) for day in days] == [
        (0, 500),
        (500, 2300),
        (2300, 2300),
    ]
    last = await shop.statement(**{"from": yesterday.date(), "to": yesterday.date()})
    assert (last["opening_centavos"], last["closing_centavos"]) == (500, 2300)
    _, rows = await shop.csv(group_by="day")
    assert rows[0] == ["day", "opening", *KINDS, "closing", "opening_disputed", "closing_disputed"]
    assert [(row[1], row[2], row[-3]) for row in rows[1:]] == [
        ("0.00", "5.00", "5.00"),
        ("5.00", "18.00", "23.00"),
        ("23.00", "0.00", "23.00"),
    ]


async def test_methods_are_summed(shop: Shop):
    await shop.paid(5)
    await shop.paid(7)
    statement = await shop.statement(group_by="method")
    assert [(each["id"], each["amount_centavos"]) for each in statement["methods"]] == [("pix", 1200)]
    _, rows = await shop.csv(group_by="method", locale="pt-BR")
    assert [rows[1][0], rows[1][1], rows[1][-1]] == ["pix", "12,00", "12,00"]


async def test_csv_is_for_programs_and_for_spreadsheets_in_portuguese(shop: Shop):
    payment = await shop.paid(1234.5, description='=1+1;"x"')
    await shop.returned(payment, 0.05, at=datetime.now(UTC))
    text, rows = await shop.csv()
    assert text.startswith("id,kind,reversal,amount,")
    assert [row[3] for row in rows[1:]] == ["1234.50", "-0.05"]
    assert {row[10] for row in rows[1:]} == {'\'=1+1;"x"'}
    text, rows = await shop.csv(locale="pt-BR")
    assert text.startswith("\ufefflançamento;tipo;anulação;valor;")
    assert [row[1:4] for row in rows[1:]] == [
        ["recebido", "não", "1234,50"],
        ["devolvido pelo banco", "não", "-0,05"],
    ]


async def test_many_lines_are_streamed_in_pages(shop: Shop, hub: Any, yesterday: datetime):
    payment = await shop.paid(1)
    assert len((await shop.statement())["lines"]) == 1
    begin = yesterday + timedelta(hours=1)
    await _copy_lines(hub, shop.hub.merchant, payment["id"], begin, count=2500)
    lines = (await shop.statement())["lines"]
    assert [line["id"] for line in lines[:2500]] == [f"line_{payment['id']}_{number}" for number in range(2, 2502)]
    texts = await asyncio.gather(*(shop.csv() for _ in range(6)))
    assert {len(rows) for _, rows in texts} == {2502}
    # The hub is also that of other tests.
    await hub.rows("DELETE FROM statement_lines WHERE merchant = $1 AND number > 1", shop.hub.merchant)
    await hub.rows("DELETE FROM statement_sums WHERE merchant = $1 AND starts_at = $2", shop.hub.merchant, begin)


async def test_statement_that_does_not_add_up_is_cut_off(shop: Shop, hub: Any):
    await shop.paid(1)
    assert (await shop.statement())["closing_centavos"] == 100
    await hub.rows(
        "UPDATE statement_lines SET amount_centavos = amount_centavos + 1 WHERE merchant = $1", shop.hub.merchant
    )
    for query in ({}, {"format": "csv"}):
        with pytest.raises(aiohttp.ClientPayloadError):
            await shop.ask(**query)
    # The hub is also that of other tests.
    await hub.rows(
        "UPDATE statement_lines SET amount_centavos = amount_centavos - 1 WHERE merchant = $1", shop.hub.merchant
    )
    assert (await shop.statement())["closing_centavos"] == 100


async def _copy_lines(hub: Any, merchant: str, payment_id: int, begin: datetime, *, count: int) -> None:
    """Add lines with their sums, as the projections do."""
    await hub.rows(
        """
        INSERT INTO statement_lines
        SELECT merchant, payment_id, number + nth, position, $3::timestamptz + nth * interval '1 second', recorded_at,
            1, 0, is_reversal, is_summed, kind, currency, provider, method, attempt_id
        FROM statement_lines, generate_series(1, $4::integer) AS nth WHERE merchant = $1 AND payment_id = $2
        """,
        merchant,
        payment_id,
        begin,
        count,
    )
    await hub.rows(
        "INSERT INTO statement_sums VALUES ($1, 'moved', $2, 'pix', 'pix', 'received', $3, $3, 0)",
        merchant,
        begin,
        count,
    )


async def test_skipped_event_is_said(shop: Shop, hub: Any):
    assert (await shop.statement())["skipped_events"] == 0
    await hub.rows("INSERT INTO passed_over VALUES ('statement', 1, 'PaymentOpened.v5', false, 'refused')")
    assert (await shop.statement())["skipped_events"] == 1
    await hub.rows("DELETE FROM passed_over WHERE read_model = 'statement'")


async def test_stalled_read_model_is_said(shop: Shop, hub: Any):
    before = (await shop.statement())["as_of"]
    projections = hub.pid("projections")
    os.kill(projections, signal.SIGSTOP)
    try:
        await shop.paid(1)
        answer, _ = await shop.ask()
        problem = await answer.json(content_type=None)
        assert (answer.status, problem["code"]) == (503, "read_model_behind")
        assert int(answer.headers["Retry-After"]) >= 1
        assert f"as_of={problem['as_of']}" in problem["detail"]
        assert (await shop.statement(as_of=problem["as_of"]))["closing_centavos"] == 0
        assert (await shop.statement(as_of=before))["closing_centavos"] == 0
    finally:
        os.kill(projections, signal.SIGCONT)

    async def is_told() -> bool:
        return (await shop.ask())[0].status == 200

    await until_true(is_told, "the statement has caught up")
    assert (await shop.statement())["closing_centavos"] == 100


@pytest.mark.parametrize(
    ("query", "code"),
    [
        ({"from": "2026-12-01", "to": "2026-11-30"}, "invalid_period"),
        ({"from": "2026-02-29"}, "invalid_date"),
        ({"from": "2026-2-1"}, "invalid_date"),
        ({"from": "1999-12-31"}, "invalid_date"),
        ({"to": "2100-01-01"}, "invalid_date"),
        ({"from": "1000000000"}, "invalid_date"),
        ({"from": "2026-11-30T00:00:00Z"}, "invalid_date"),
        ({"from": ""}, "invalid_date"),
        ({"from": None}, "invalid_date"),
        ({"from": "2024-01-01", "to": "2025-01-01"}, "invalid_period"),
        ({"timezone": "America/Sao_Paolo"}, "invalid_timezone"),
        ({"timezone": "America"}, "invalid_timezone"),
        ({"timezone": "../../etc/passwd"}, "invalid_timezone"),
        ({"timezone": "/etc/localtime"}, "invalid_timezone"),
        ({"timezone": "localtime"}, "invalid_timezone"),
        ({"timezone": "right/America/Sao_Paulo"}, "invalid_timezone"),
        ({"timezone": "posix/America/Sao_Paulo"}, "invalid_timezone"),
        ({"timezone": ""}, "invalid_timezone"),
        ({"timezone": "A" * 65}, "invalid_timezone"),
        ({"basis": "booked"}, "invalid_choice"),
        ({"group_by": "week"}, "invalid_choice"),
        ({"format": "xlsx"}, "invalid_choice"),
        ({"locale": "pt_BR"}, "invalid_choice"),
        ({"as_of": "7"}, "position_unknown"),
        ({"as_of": ""}, "position_unknown"),
        ({"as_of": "é"}, "position_unknown"),
        ({"day": "2026-11-30"}, "unknown_parameter"),
    ],
)
async def test_bad_query_is_refused(shop: Shop, query: dict[str, Any], code: str):
    today = date(2026, 11, 30)
    answer, _ = await shop.ask(**{"from": today, "to": today, **query})
    problem = await answer.json(content_type=None)
    assert (answer.status, problem["code"]) == (409 if code == "position_unknown" else 400, code)
    assert code == "position_unknown" or [fault["code"] for fault in problem["errors"]] == [code]


async def test_every_fault_is_told_at_once(shop: Shop):
    answer, _ = await shop.ask(**{"from": "2026-02-30", "to": "x", "timezone": "Mars/Olympus", "basis": "y"})
    problem = await answer.json(content_type=None)
    assert [(fault["pointer"], fault["code"]) for fault in problem["errors"]] == [
        ("/from", "invalid_date"),
        ("/to", "invalid_date"),
        ("/timezone", "invalid_timezone"),
        ("/basis", "invalid_choice"),
    ]


async def test_leap_day_and_longest_period_are_accepted(shop: Shop):
    statement = await shop.statement(**{"from": "2024-01-01", "to": "2024-12-31"}, group_by="day")
    assert (len(statement["days"]), statement["days"][59]["id"]) == (366, "2024-02-29")


async def test_head_of_a_statement_has_no_body(shop: Shop):
    query = {"from": "2026-11-30", "to": "2026-11-30"}
    async with shop.hub.session.head(f"{shop.hub.url}/v1/statement", params=query, headers=shop.hub.headers) as answer:
        assert (answer.status, await answer.read()) == (200, b"")
