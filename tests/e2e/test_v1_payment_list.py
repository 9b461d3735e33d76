"""`GET /v1/payments`: lists, filters, pages and their bad input."""

from __future__ import annotations

from datetime import datetime, timedelta
from urllib.parse import quote, urlencode

import pytest

from tests.e2e.test_money_that_does_not_fit import late_pix, transfer

LIST = "/v1/payments"
# These follow from the clock and from the sweeps of the monitor.
OF_THE_MOMENT = ("verified_at", "next_check_at")


async def read(hub, path, **headers):
    async with hub.session.get(hub.url + path, headers={**hub.headers, **headers}) as answer:
        return answer, await answer.json(content_type=None)


async def found(hub, **filters):
    """Return the ids of the first page."""
    answer, page = await read(hub, f"{LIST}?{urlencode(filters)}")
    assert answer.status == 200, page
    return [row["id"] for row in page["data"]]


async def walk(hub, **filters):
    """Return the ids on every page."""
    pages, cursor = [], {}
    while True:
        answer, page = await read(hub, f"{LIST}?{urlencode({**filters, **cursor})}")
        assert answer.status == 200, page
        pages.append([row["id"] for row in page["data"]])
        if not page["has_more"]:
            assert page["next"] is None
            return pages
        cursor = {"cursor": page["next"]}


async def pix(hub, value, description):
    """Create a Pix, and wait until lists show it; return its id and what it was created with."""
    status, created = await hub.post("/payments/pix", {"value": value, "description": description})
    assert status == 201
    payment = created["payment"]
    await level(hub, payment["id"])
    return str(payment["id"]), payment


async def level(hub, payment_id):
    """Wait until lists show everything about a payment."""
    answer, _ = await read(hub, f"{LIST}/{payment_id}")
    after = {"Extrato-After": answer.headers["Extrato-Position"]}
    answer, _ = await read(hub, f"{LIST}?limit=1", **after)
    assert answer.status == 200


async def pay(hub, payment, number):
    body = {
        "bank_payment_id": payment["bank_payment_id"],
        "value": payment["value"],
        "end_to_end_id": transfer(number),
    }
    status, answer = await hub.post("/payments/pix/confirmation", body)
    assert status == 200, answer
    await level(hub, payment["id"])


@pytest.fixture
def shop(hub, other_merchant):
    """A merchant of this test only."""
    return hub.acting_for(other_merchant.slug, other_merchant.api_key)


async def test_row_is_the_payment_that_a_read_returns(shop):
    number, payment = await pix(shop, 12.5, "Encomenda")
    await pay(shop, payment, 5001)
    _, one = await read(shop, f"{LIST}/{number}")
    answer, page = await read(shop, LIST)
    assert (answer.status, page["object"], page["has_more"], page["next"]) == (200, "list", False, None)
    assert page["data"] == [one]
    assert (one["status"], one["held_centavos"], one["attempts"][0]["id"]) == ("approved", 1250, transfer(5001))


async def test_row_of_a_provider_is_the_payment_that_a_read_returns(hub):
    link = await hub.link()
    await hub.pay_as_a_person(link["checkout_url"])
    await hub.until_checked(link["payment_id"], status="approved")
    await level(hub, link["payment_id"])
    _, one = await read(hub, f"{LIST}/{link['payment_id']}")
    _, page = await read(hub, f"{LIST}?charge_id={link['preference_id']}")
    [row] = page["data"]
    for name in OF_THE_MOMENT:
        assert (row.pop(name) is None) == (one.pop(name) is None)
    assert row == one
    assert await found(hub, charge_id=one["attempts"][0]["id"]) == [one["id"]]


async def test_each_filter_finds_its_payment(shop):
    cake, of_cake = await pix(shop, 30, "Bolo de maçã da Joana")
    bread, _ = await pix(shop, 7, "Pão de queijo")
    await pay(shop, of_cake, 5002)
    _, one = await read(shop, f"{LIST}/{cake}")
    paid_at = datetime.fromisoformat(one["paid_at"])
    later = (paid_at + timedelta(seconds=1)).isoformat()
    for filters, ids in (
        ({}, [bread, cake]),
        ({"order": "oldest_first"}, [cake, bread]),
        ({"status": "approved"}, [cake]),
        ({"status": "rejected"}, []),
        ({"method": "pix"}, [bread, cake]),
        ({"method": "mercado_pago_pix"}, []),
        ({"provider": "mercado_pago"}, []),
        ({"method": "pix", "provider": "mercado_pago"}, []),
        ({"created_to": one["created_at"]}, []),
        ({"created_from": one["created_at"]}, [bread, cake]),
        ({"paid_from": one["paid_at"], "paid_to": later}, [cake]),
        ({"paid_from": later}, []),
        ({"amount_min": 3000}, [cake]),
        ({"amount_max": 2999}, [bread]),
        ({"amount_min": 700, "amount_max": 700}, [bread]),
        ({"amount_min": 1_000_000_000}, []),
        ({"e2e_id": transfer(5002)}, [cake]),
        ({"charge_id": one["charge_id"]}, [cake]),
        ({"charge_id": "x"}, []),
        ({"q": "MACA bolo"}, [cake]),
        ({"q": "de"}, [bread, cake]),
        ({"q": "maca queijo"}, []),
        ({"q": "boll"}, []),
        ({"status": "pending", "q": "queijo", "amount_max": 700, "method": "pix"}, [bread]),
    ):
        assert (filters, await found(shop, **filters)) == (filters, ids)


async def test_open_alert_is_a_filter(hub):
    payment = await late_pix(hub, 5003)
    number = str(payment["id"])
    await level(hub, number)
    assert number in await found(hub, alert="late_payment", created_from="2026-01-01T00:00:00Z")
    await hub.post(f"/payments/api/{number}/alerts/late_payment/resolve/", {"reason": "devolvido"})
    await level(hub, number)
    assert number not in await found(hub, alert="late_payment")


async def test_sum_of_rows_is_the_money_that_stays(shop):
    _, kept = await pix(shop, 10, "fica")
    _, returned = await pix(shop, 25, "volta em parte")
    for number, payment in ((5004, kept), (5005, returned)):
        await pay(shop, payment, number)
    status, _ = await shop.post(
        f"/payments/pix/{returned['id']}/returned",
        {"return_id": f"D{5005:031d}", "amount": 5, "returned_at": datetime.now().astimezone().isoformat()},
    )
    assert status == 200
    await level(shop, returned["id"])
    _, page = await read(shop, f"{LIST}?status=approved")
    names = ("held_centavos", "refunded_centavos", "disputed_centavos")
    assert [sum(row[name] for row in page["data"]) for name in names] == [3000, 500, 0]


async def test_pages_have_every_payment_once(shop):
    numbers = [(await pix(shop, 1 + place, "Pedido"))[0] for place in range(7)]
    assert await walk(shop, limit=3) == [numbers[:3:-1], numbers[3:0:-1], numbers[:1]]
    assert await walk(shop, limit=3, order="oldest_first", q="pedido") == [numbers[:3], numbers[3:6], numbers[6:]]
    assert await walk(shop, limit=7) == [numbers[::-1]]
    _, first = await read(shop, f"{LIST}?limit=2")
    newer, _ = await pix(shop, 9, "Pedido")
    _, second = await read(shop, f"{LIST}?limit=2&cursor={first['next']}")
    assert [row["id"] for row in second["data"]] == numbers[4:2:-1]
    assert newer in await found(shop)


async def test_cursor_belongs_to_one_merchant_and_its_filters(hub, shop):
    for value in (1, 2, 3):
        await pix(shop, value, "Pedido")
    _, page = await read(shop, f"{LIST}?limit=1&status=pending")
    cursor = page["next"]
    answer, _ = await read(shop, f"{LIST}?limit=2&status=pending&cursor={cursor}")
    assert answer.status == 200
    other_filters = ("", "status=approved", "status=pending&q=x", "status=pending&order=oldest_first")
    mine = [(shop, f"{filters}&cursor={cursor}") for filters in other_filters]
    cut = [(shop, f"status=pending&cursor={each}") for each in (cursor[:-1], cursor[1:], "x", "é", "A" * 500)]
    for asked_by, query in (*mine, *cut, (hub, f"status=pending&cursor={cursor}")):
        answer, problem = await read(asked_by, f"{LIST}?{query}")
        assert (query, answer.status, problem["code"]) == (query, 400, "invalid_cursor")


@pytest.mark.parametrize(
    ("query", "faults"),
    [
        ("status=all%20of&method=cash&provider=x&alert=x&order=up", ["status", "method", "provider", "alert", "order"]),
        ("created_from=yesterday&created_to=2026-02-29T00:00:00Z", ["created_from", "created_to"]),
        ("created_from=2026-01-02T00:00:00Z&created_to=2026-01-01T00:00:00Z", ["created_from"]),
        ("paid_from=2026-01-01T00:00:00-03:00&paid_to=2026-01-01T00:00:00-02:00", ["paid_from"]),
        ("paid_from=2026-01-01T00:00:00%2B00:00&paid_to=2026-01-01", ["paid_to"]),
        ("created_to=0001-01-01T00:00:00%2B23:59", ["created_to"]),
        ("amount_min=2&amount_max=1", ["amount_min"]),
        ("amount_min=-1&amount_max=10000000000000", ["amount_min", "amount_max"]),
        ("amount_min=1.5&amount_max=x", ["amount_min", "amount_max"]),
        ("e2e_id=E1&limit=0", ["limit", "e2e_id"]),
        ("limit=201", ["limit"]),
        (f"reference={'x' * 65}&charge_id={'x' * 201}&q={'x' * 201}", ["reference", "charge_id", "q"]),
        ("q=%F0%9F%A5%96%20%E2%80%94&amount_min=2&amount_max=1", ["amount_min", "q"]),
        ("state=pending&q=a&q=b", ["q", "state"]),
    ],
)
async def test_every_fault_of_a_query_is_in_one_problem(hub, query, faults):
    answer, problem = await read(hub, f"{LIST}?{query}")
    assert (answer.status, answer.content_type) == (400, "application/problem+json")
    assert [fault["pointer"] for fault in problem["errors"]] == [f"/{name}" for name in faults]


@pytest.mark.parametrize(
    "query",
    [
        "created_from=2028-02-29T00:00:00Z&created_to=9999-12-31T23:59:59Z",
        "paid_from=0001-01-01T00:00:00Z&paid_to=9999-12-31T23:59:59Z",
        "created_from=2026-03-29T02:30:00%2B01:00&created_to=2026-03-29T02:30:00%2B01:00",
        "amount_min=0&amount_max=1000000000",
        "q=%00",
        "reference=%F0%9F%A5%96",
        "q=%ED%A0%80x",
    ],
)
async def test_values_at_the_edge_are_answered(hub, query):
    answer, problem = await read(hub, f"{LIST}?{query}")
    assert answer.status == 200 or (answer.status, problem["code"]) in {(400, "invalid_text"), (400, "no_words")}


async def test_key_of_the_hub_names_the_merchant(hub, shop, other_merchant):
    number, _ = await pix(shop, 4, "Pedido")
    admin = {"Authorization": f"Bearer {(hub.home / 'admin-api-key').read_text().strip()}"}
    answer, problem = await read(hub, LIST, **admin)
    assert (answer.status, problem["code"]) in {(400, "missing_merchant"), (403, "missing_scope")}
    answer, problem = await read(shop, f"{LIST}?merchant={quote('padaria-do-marcos')}")
    assert (answer.status, problem["code"]) == (404, "unknown_merchant")
    assert await found(shop, merchant=other_merchant.slug) == [number]
