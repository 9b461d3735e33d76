"""The search of payments filters, sorts and pages as documented, and can lag."""

from __future__ import annotations

from urllib.parse import quote, urlencode

import pytest


@pytest.fixture
def find(sandbox):
    async def search(**query):
        names = {name.replace("__", "."): value for name, value in query.items()}
        return await sandbox.call("GET", f"/v1/payments/search?{urlencode(names)}")

    return search


def ids(answer) -> list[int]:
    return [payment["id"] for payment in answer[1]["results"]]


async def test_reference_finds_exactly_its_payments(sandbox, find, other_account):
    wanted = await sandbox.pix(external_reference="PED-1")
    await sandbox.pix(key="2", external_reference="PED-10")
    body = {
        "transaction_amount": 1,
        "payment_method_id": "pix",
        "payer": {"email": "a@example.com"},
        "external_reference": "PED-1",
    }
    await sandbox.call("POST", "/v1/payments", body, key="3", account=other_account)
    status, found = await find(external_reference="PED-1")
    assert status == 200
    assert found["paging"] == {"total": 1, "limit": 30, "offset": 0}
    assert found["results"][0]["id"] == wanted["id"]
    assert ids(await find(external_reference="PED-2")) == []


async def test_search_by_last_update_finds_the_latest_change(sandbox, find):
    first = await sandbox.pix(key="1")
    second = await sandbox.pix(key="2")
    await sandbox.pay(payment_id=first["id"], outcome="approved")
    sweep = {"range": "date_last_updated", "begin_date": "NOW-15MINUTES", "end_date": "NOW", "limit": 50}
    assert ids(await find(**sweep, sort="date_last_updated", criteria="asc")) == [second["id"], first["id"]]
    assert ids(await find(**sweep, sort="date_last_updated", criteria="desc")) == [first["id"], second["id"]]
    assert ids(await find(**sweep, status="approved")) == [first["id"]]
    assert ids(await find(range="date_approved")) == [first["id"]]


async def test_absolute_interval_includes_both_ends(sandbox, find):
    payment = await sandbox.pix()
    at = payment["date_created"]
    before = at[:20] + f"{max(int(at[20:23]) - 1, 0):03d}" + at[23:]
    assert ids(await find(begin_date=at, end_date=at)) == [payment["id"]]
    assert ids(await find(begin_date="2026-01-01T00:00:00Z", end_date="2026-01-02T00:00:00.000-03:00")) == []
    if before != at:
        assert ids(await find(begin_date="NOW-1DAYS", end_date=before)) == []


async def test_limit_and_offset_select_the_page(sandbox, find):
    expected = [(await sandbox.pix(key=str(number)))["id"] for number in range(5)]
    status, page = await find(sort="id", criteria="asc", limit=2, offset=2)
    assert status == 200
    assert page["paging"] == {"total": 5, "limit": 2, "offset": 2}
    assert [payment["id"] for payment in page["results"]] == expected[2:4]
    assert (await find(limit=1000))[1]["paging"]["limit"] == 100


@pytest.mark.parametrize(
    ("query", "code"),
    [
        ({"begin_date": "yesterday"}, 1),
        ({"begin_date": "2026-01-01T00:00:00.123456789Z"}, 1),
        ({"begin_date": "2026-01-01T00:00:00.000 03:00"}, 1),
        ({"begin_date": "2026-13-01T00:00:00Z"}, 1),
        ({"range": "date_imagined"}, 1),
        ({"sort": "beauty"}, 1),
        ({"criteria": "sideways"}, 1),
        ({"limit": "many"}, 1),
        ({"offset": "-1"}, 1),
        ({"offset": "10001"}, 1000),
        ({"begin_date": "NOW-365DAYS"}, 9062),
    ],
)
async def test_wrong_parameter_is_rejected(find, query, code):
    status, body = await find(**query)
    assert (status, body["cause"][0]["code"]) == (400, code)


async def test_time_offset_with_encoded_plus_is_accepted(sandbox):
    status, _ = await sandbox.call(
        "GET", f"/v1/payments/search?begin_date={quote('2026-01-20T15:20:01.101+03:00', safe='')}"
    )
    assert status == 200


async def test_lagging_search_shows_the_earlier_status(sandbox, find):
    payment = await sandbox.pix(external_reference="PED-1")
    await sandbox.faults(search_lag_ms=60_000)
    assert ids(await find(external_reference="PED-1")) == []
    await sandbox.faults(search_lag_ms=0)
    assert ids(await find(external_reference="PED-1")) == [payment["id"]]

    await sandbox.faults(search_lag_ms=60_000)
    await sandbox.pay(payment_id=payment["id"], outcome="approved")
    status, found = await find(external_reference="PED-1")
    assert status == 200
    assert found["results"][0]["status"] == "pending"
    assert (await sandbox.payment(payment["id"]))["status"] == "approved"
