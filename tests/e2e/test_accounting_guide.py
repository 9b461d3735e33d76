"""An accountant's day, from the guide alone: its commands, and its files in a library that opens spreadsheets."""

from __future__ import annotations

import io
import re
import shlex
from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pandas as pd
import pytest

from tests.documents import ACCOUNTING, commands, section, text_of
from tests.e2e.test_statement import Shop
from tests.pace import have_one_day, until

ZONE = ZoneInfo("America/Sao_Paulo")
HEADINGS = ("A day", "Find payments", "Close the books", "A late event of yesterday")


@pytest.fixture
async def shop(hub: Any, other_merchant: Any) -> Shop:
    await have_one_day(str(ZONE))
    return Shop(hub.acting_for(other_merchant.slug, other_merchant.api_key))


class Accountant:
    """A reader of the guide, who runs its commands in order."""

    def __init__(self, shop: Shop) -> None:
        self.shop = shop
        today = datetime.now(ZONE).date()
        self.words = {"DAY": str(today), "YESTERDAY": str(today - timedelta(days=1))}
        self.files: dict[str, bytes] = {}

    async def run(self, heading: str, *, as_of: str = "") -> list[Any]:
        """Run the commands of a section; return the answers that are JSON. Files are kept by their names."""
        answers = []
        for written in commands(section(ACCOUNTING, heading), "curl"):
            words = shlex.split(written.replace("\\\n", " "))
            (address,) = (word for word in words if word.startswith("http://"))
            address = re.sub(r"\$\{?(\w+)\}?", lambda named: self.words[named[1]], address).replace("…", as_of)
            address = address.replace("http://127.0.0.1:8000", self.shop.hub.url)
            assert "Authorization: Bearer $KEY" in words
            async with self.shop.hub.session.get(address, headers=self.shop.hub.headers) as answer:
                body = await answer.read()
                assert answer.status == 200, (address, body)
            if "-o" in words:
                self.files[words[words.index("-o") + 1]] = body
            else:
                answers.append(await answer.json())
        return answers


async def test_day_of_an_accountant(shop: Shop):
    accountant = Accountant(shop)
    now, midnight = datetime.now(UTC), datetime.combine(datetime.now(ZONE).date(), datetime.min.time(), ZONE)
    first = await shop.paid(1234.5, paid_at=midnight, description='-10% de desconto; "pão"')
    await shop.paid(0.07, paid_at=midnight)
    await shop.returned(first, 34.5, at=now)

    by_day, by_method = await accountant.run("A day")
    day = by_day["days"][0]
    change = day["closing_centavos"] - day["opening_centavos"]
    assert (change, by_method["methods"][0]["amount_centavos"]) == (120007, 120007)
    portuguese = pd.read_csv(
        io.BytesIO(accountant.files["extrato.csv"]),
        sep=";",
        decimal=",",
        encoding="utf-8-sig",
        dtype={"tentativa": str},
    )
    english = pd.read_csv(io.BytesIO(accountant.files["statement.csv"]), dtype={"attempt_id": str})
    for table, amount, time, text, style in (
        (portuguese, "valor", "data", "descrição", "%d/%m/%Y %H:%M:%S"),
        (english, "amount", "booked_at", "description", "%Y-%m-%d %H:%M:%S"),
    ):
        assert list(table[amount]) == [1234.5, 0.07, -34.5]
        assert round(table[amount].sum() * 100) == change
        assert list(pd.to_datetime(table[time], format=style).dt.date.astype(str)) == [accountant.words["DAY"]] * 3
        assert table[text][0] == '\'-10% de desconto; "pão"'
    assert list(portuguese["tipo"]) == ["recebido", "recebido", "devolvido pelo banco"]

    async def is_listed() -> bool:
        paid, with_word, late = await accountant.run("Find payments")
        assert late["data"] == []
        return [len(paid["data"]), len(with_word["data"])] == [2, 1]

    await until(is_listed, "the list has the payments of the day")
    books, _ = await accountant.run("Close the books", as_of=(await shop.statement())["as_of"])
    await shop.paid(20, paid_at=midnight - timedelta(hours=9))
    _, again = await accountant.run("Close the books", as_of=books["as_of"])
    assert again == books
    moved, recorded = await accountant.run("A late event of yesterday")
    (late,) = moved["lines"]
    assert late["amount_centavos"] == 2000
    assert late["booked_at"] < late["recorded_at"]
    assert late in recorded["lines"]
    story = await shop.hub.events(int(late["payment_id"]))
    assert "ObservationRecorded" in {event["type"] for event in story}


def test_every_command_of_the_guide_is_in_a_tried_section():
    tried = [command for heading in HEADINGS for command in commands(section(ACCOUNTING, heading), "curl")]
    assert len(tried) == len(re.findall(r"^\$ curl ", text_of(ACCOUNTING), re.MULTILINE)) == 11
