"""`/v1/api_keys`: a key is shown once, a repetition never issues another, and revoked keys stay in the list."""

from __future__ import annotations

import asyncio

import pytest


@pytest.fixture
def shop(hub, other_merchant):
    """The hub, called with the administrator's key of a merchant of this test."""
    return hub.acting_for(other_merchant.slug, other_merchant.admin_key)


async def ask(shop, method, path="/v1/api_keys", *, headers=None, **sent):
    async with shop.session.request(
        method, shop.url + path, headers={**shop.headers, **(headers or {})}, **sent
    ) as got:
        return got, await got.json(content_type=None)


async def listed(shop, query=""):
    answer, page = await ask(shop, "GET", f"/v1/api_keys{query}")
    assert answer.status == 200, page
    return page


async def test_issued_key_works_and_is_listed_without_its_secret(shop, other_merchant):
    answer, issued = await ask(shop, "POST", json={"name": " Loja virtual ", "scopes": ["payments:read"]})
    assert (answer.status, answer.headers["Cache-Control"]) == (201, "no-store")
    secret = issued.pop("secret")
    assert secret.startswith(f"extrato.{shop.merchant}.{issued['id']}.")
    assert issued == {
        "object": "api_key",
        "id": issued["id"],
        "merchant": shop.merchant,
        "name": "Loja virtual",
        "scopes": ["payments:read"],
        "listed_prices_only": False,
        "created_at": issued["created_at"],
        "created_by": {"type": "api_key", "id": other_merchant.admin_key.split(".")[2]},
        "last_used_at": None,
        "revoked_at": None,
    }
    newest = (await listed(shop))["data"][0]
    assert newest == issued
    async with shop.session.get(f"{shop.url}/v1/payments/1", headers={"Authorization": f"Bearer {secret}"}) as used:
        assert used.status == 404
    assert (await listed(shop))["data"][0]["last_used_at"] is not None


async def test_key_that_revokes_itself_is_answered_and_then_rejected(shop, other_merchant, until):
    own_id = other_merchant.admin_key.split(".")[2]
    answer, revoked = await ask(shop, "DELETE", f"/v1/api_keys/{own_id}")
    assert (answer.status, revoked["id"], revoked["revoked_at"] is not None) == (200, own_id, True)
    assert answer.headers["Extrato-Position"]
    assert answer.headers["RateLimit"]

    async def is_rejected():
        answer, problem = await ask(shop, "DELETE", f"/v1/api_keys/{own_id}")
        return (answer.status, problem["code"]) == (401, "unauthenticated")

    await until(is_rejected, "the revoked key is rejected")


async def test_key_without_a_wish_has_the_scopes_of_a_shop(shop):
    _, issued = await ask(shop, "POST", json={})
    assert (issued["name"], issued["scopes"]) == (None, ["payments:read", "payments:refund", "payments:write"])


async def test_list_is_paged_newest_first_and_stable(shop):
    names = [f"key {number}" for number in range(5)]
    for name in names[:-1]:
        await ask(shop, "POST", json={"name": name})
    first = await listed(shop, "?limit=2")
    assert [key["name"] for key in first["data"]] == ["key 3", "key 2"]
    assert (first["object"], first["has_more"]) == ("list", True)
    await ask(shop, "POST", json={"name": names[-1]})
    second = await listed(shop, f"?limit=2&cursor={first['next']}")
    assert [key["name"] for key in second["data"]] == ["key 1", "key 0"]
    rest = await listed(shop, f"?limit=200&cursor={second['next']}")
    # The merchant's three first keys have no name.
    assert ([key["name"] for key in rest["data"]], rest["has_more"], rest["next"]) == ([None] * 3, False, None)


async def test_cursor_of_another_merchant_is_refused(hub, shop):
    for _ in range(2):
        await ask(shop, "POST", json={})
    cursor = (await listed(shop, "?limit=1"))["next"]
    asker = hub.acting_for(hub.merchant, hub.admin_key)
    for path in (f"/v1/api_keys?merchant={hub.merchant}&cursor={cursor}", "/v1/api_keys?cursor=AAAA"):
        answer, problem = await ask(asker if "merchant" in path else shop, "GET", path)
        assert (answer.status, problem["code"]) == (400, "invalid_cursor")


async def test_revoked_key_is_rejected_and_stays_in_the_list(shop, until):
    _, issued = await ask(shop, "POST", json={"name": "old"})
    path = f"/v1/api_keys/{issued['id']}"
    answer, revoked = await ask(shop, "DELETE", path)
    assert answer.status == 200
    assert revoked["revoked_at"] is not None
    again, repeated = await ask(shop, "DELETE", path)
    assert (again.status, repeated["revoked_at"]) == (200, revoked["revoked_at"])
    assert (await listed(shop))["data"][0]["revoked_at"] == revoked["revoked_at"]

    async def is_rejected():
        headers = {"Authorization": f"Bearer {issued['secret']}"}
        async with shop.session.get(f"{shop.url}/v1/payments/1", headers=headers) as used:
            return used.status == 401

    await until(is_rejected, "the revoked key is rejected")


async def test_unknown_key_is_missing(shop):
    answer, problem = await ask(shop, "DELETE", "/v1/api_keys/00000000")
    assert (answer.status, problem["code"]) == (404, "api_key_not_found")


# --- repetitions ----------------------------------------------------------------------------------


async def test_repetition_says_that_the_secret_was_shown(shop):
    headers, wanted = {"Idempotency-Key": "loja-1"}, {"name": "Loja"}
    first, issued = await ask(shop, "POST", json=wanted, headers=headers)
    assert first.status == 201
    before = await shop.topics(shop.merchant, of="ApiKey")
    for _ in range(2):
        again, problem = await ask(shop, "POST", json=wanted, headers=headers)
        assert (again.status, problem["code"]) == (409, "secret_shown_once")
        assert issued["id"] in problem["detail"]
        assert problem["api_key_id"] == issued["id"]
        await ask(shop, "DELETE", f"/v1/api_keys/{issued['id']}")
    assert await shop.topics(shop.merchant, of="ApiKey") == [*before, "ApiKeyRevoked.v1"]


async def test_simultaneous_requests_with_one_key_issue_one_key(shop):
    sent = [ask(shop, "POST", json={}, headers={"Idempotency-Key": "loja-1"}) for _ in range(5)]
    statuses = [answer.status for answer, _ in await asyncio.gather(*sent)]
    assert sorted(statuses) == [201, 409, 409, 409, 409]


async def test_other_request_with_the_same_key_is_refused(shop):
    headers = {"Idempotency-Key": "loja-1"}
    await ask(shop, "POST", json={"name": "Loja"}, headers=headers)
    answer, problem = await ask(shop, "POST", json={"name": "Caixa"}, headers=headers)
    assert (answer.status, problem["code"]) == (409, "idempotency_key_reused")


async def test_merchants_do_not_share_idempotency_keys(hub, shop):
    headers = {"Idempotency-Key": "loja-1"}
    assert (await ask(shop, "POST", json={}, headers=headers))[0].status == 201
    asker = hub.acting_for(hub.merchant, hub.admin_key)
    answer, issued = await ask(asker, "POST", f"/v1/api_keys?merchant={hub.merchant}", json={}, headers=headers)
    assert answer.status == 201
    await ask(asker, "DELETE", f"/v1/api_keys/{issued['id']}?merchant={hub.merchant}")


# --- refusals -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("wanted", "faults"),
    [
        ({"scopes": []}, [("/scopes", "unknown_scope")]),
        ({"scopes": "admin"}, [("/scopes", "unknown_scope")]),
        ({"scopes": ["root", "admin", 5]}, [("/scopes/0", "unknown_scope"), ("/scopes/2", "unknown_scope")]),
        ({"scopes": ["metrics"]}, [("/scopes/0", "unknown_scope")]),
        ({"name": "a" * 61, "scope": []}, [("/scope", "unknown_field"), ("/name", "text_too_long")]),
        ({"listed_prices_only": "yes"}, [("/listed_prices_only", "invalid_flag")]),
    ],
)
async def test_faults_of_a_request_are_in_one_problem(shop, wanted, faults):
    answer, problem = await ask(shop, "POST", json=wanted)
    assert answer.status == 400
    assert [(fault["pointer"], fault["code"]) for fault in problem["errors"]] == faults


async def test_key_that_sets_prices_is_not_limited_to_listed_ones(shop):
    wanted = {"scopes": ["admin"], "listed_prices_only": True}
    answer, problem = await ask(shop, "POST", json=wanted)
    assert (answer.status, problem["code"]) == (400, "admin_sets_prices")


async def test_shops_key_may_not_issue_keys(hub, other_merchant):
    asker = hub.acting_for(other_merchant.slug, other_merchant.api_key)
    answer, problem = await ask(asker, "POST", json={})
    assert (answer.status, problem["code"]) == (403, "forbidden")
