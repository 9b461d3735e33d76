"""Rules of all pages: access by token, response headers, and cached assets."""

from __future__ import annotations

import re
import time
from urllib.parse import urljoin

import pytest

from tests.compatibility.claim import claim

MISSING = "/payments/pix/999999999"


async def open_page(hub, address, **headers):
    """Open a page with only these headers, and follow no redirection."""
    async with hub.session.get(address, headers=headers, allow_redirects=False) as answer:
        return answer.status, answer.headers, await answer.text()


async def new_pix(hub):
    return (await hub.post("/payments/pix", {"value": 7, "payer": {"email": "cliente@example.com"}}))[1]["payment"]


async def test_pages_have_security_headers_and_no_caching(hub):
    pix, link = await new_pix(hub), await hub.link()
    return_address = f"{hub.url}/payments/mp/return/?external_reference={link['external_reference']}"
    for address, expected in (
        (pix["payment_url"], 200),
        (link["secure_checkout_url"], 302),
        (return_address, 200),
        (hub.url + MISSING, 404),
    ):
        status, headers, text = await open_page(hub, address)
        assert status == expected
        policy = headers["Content-Security-Policy"]
        assert "default-src 'none'" in policy
        assert "frame-ancestors 'none'" in policy
        assert headers["X-Frame-Options"] == "DENY"
        assert "unsafe" not in policy
        assert headers["Cache-Control"] == "no-store"
        assert headers["Referrer-Policy"] == "no-referrer"
        assert headers["X-Content-Type-Options"] == "nosniff"
        assert headers["Cross-Origin-Opener-Policy"] == "same-origin"
        assert "style=" not in text
        assert re.findall(r"<script(?! src=)", text) == []


@claim("pix-page.missing", "secure-link.missing")
async def test_page_opens_only_with_its_token(hub):
    pix, link = await new_pix(hub), await hub.link()
    _, _, not_found = await open_page(hub, hub.url + MISSING)
    token = pix["payment_url"].partition("?t=")[2]
    for address in (
        f"{hub.url}/payments/pix/{pix['id']}",
        f"{hub.url}/payments/pix/{pix['id']}?t={'0' * 32}",
        f"{hub.url}/payments/pix/{pix['id']}?t=",
        f"{hub.url}/payments/mp/pay/{link['payment_id']}/?t={token}",
        f"{hub.url}/payments/mp/return/?payment_id={link['payment_id']}&t={token}",
        f"{hub.url}/payments/mp/return/?payment_id={link['payment_id']}",
    ):
        status, _, text = await open_page(hub, address)
        assert (status, text) == (404, not_found), address


async def test_pix_page_opens_with_trailing_slash(hub):
    address, _, query = (await new_pix(hub))["payment_url"].partition("?")
    status, _, text = await open_page(hub, f"{address}/?{query}")
    assert (status, ">Pague com Pix</h1>" in text) == (200, True)


def tokens_in(text):
    return set(re.findall(r"[?&;]t=([0-9a-f-]+)", text))


async def test_external_reference_gives_a_token_for_one_hour(hub):
    link = await hub.link()
    payment_id, permanent = link["payment_id"], link["secure_checkout_url"].partition("?t=")[2]
    _, _, text = await open_page(hub, f"{hub.url}/payments/mp/return/?external_reference={link['external_reference']}")
    (token,) = tokens_in(text)
    assert 3590 < int(token.partition("-")[2], 16) - time.time() <= 3600
    # The token opens the payment's pages, and their links carry the same token.
    status, _, text = await open_page(hub, f"{hub.url}/payments/mp/return/?payment_id={payment_id}&t={token}")
    assert (status, tokens_in(text)) == (200, {token})
    for address in (
        f"{hub.url}/payments/mp/pay/{payment_id}/?t={token}",
        f"{hub.url}/payments/api/check/{payment_id}/?t={token}",
    ):
        status, _, text = await open_page(hub, address)
        assert (status in {200, 302}, permanent in text) == (True, False), address
    async with hub.session.ws_connect(f"{hub.url}/ws?payment_id={payment_id}&t={token}") as socket:
        assert (await socket.receive_json())["type"] == "snapshot"
    # A token with a later expiry or without one is invalid.
    digest, _, expiry = token.partition("-")
    for forged in (digest, f"{digest}-{int(expiry, 16) + 86_400:08x}", f"{permanent}-{expiry}"):
        assert (await open_page(hub, f"{hub.url}/payments/mp/return/?payment_id={payment_id}&t={forged}"))[0] == 404


async def test_page_links_keep_the_token_of_the_request(hub):
    pix, link = await new_pix(hub), await hub.link()
    permanent = link["secure_checkout_url"].partition("?t=")[2]
    for address in (pix["payment_url"], f"{hub.url}/payments/mp/return/?payment_id={link['payment_id']}&t={permanent}"):
        _, _, text = await open_page(hub, address)
        assert tokens_in(text) == {address.rpartition("t=")[2]}


async def test_page_of_another_payment_method_is_not_found(hub):
    pix, link = await new_pix(hub), await hub.link()
    payment_id, token = link["payment_id"], link["secure_checkout_url"].partition("?t=")[2]
    assert (await open_page(hub, f"{hub.url}/payments/pix/{payment_id}?t={token}"))[0] == 404
    token = pix["payment_url"].partition("?t=")[2]
    assert (await open_page(hub, f"{hub.url}/payments/mp/pay/{pix['id']}/?t={token}"))[0] == 404


@claim("return-page.parameters")
@pytest.mark.parametrize(
    "query",
    [
        "",
        "external_reference=null&status=null&payment_id=null&collection_id=null",
        "external_reference=&payment_id=",
        "external_reference=PED-1&status=approved",
        "external_reference=extrato_1_000000000000",
        "external_reference=extrato_999999999999999999_0",
        "payment_id=-1&t=0",
        "payment_id=%00&t=%ff",
    ],
)
async def test_return_address_without_payment_is_not_found(hub, query):
    await new_pix(hub)
    assert (await open_page(hub, f"{hub.url}/payments/mp/return/?{query}"))[0] == 404


async def test_partial_reference_is_not_found(hub):
    reference = (await hub.link())["external_reference"]
    for part in (reference[:-1], reference.rpartition("_")[0] + "_", reference.upper()):
        assert (await open_page(hub, f"{hub.url}/payments/mp/return/?external_reference={part}"))[0] == 404


async def test_payer_page_shows_merchant_name_and_no_e_mail(hub):
    pix, link = await new_pix(hub), await hub.link(payer_email="cliente@example.com")
    return_address = f"{hub.url}/payments/mp/return/?external_reference={link['external_reference']}"
    for address in (pix["payment_url"], return_address):
        _, _, text = await open_page(hub, address)
        assert "Padaria do Marcos" in text
        assert "@" not in text
        assert "padaria-do-marcos" not in text


async def test_page_opened_by_api_key_has_a_socket_address(hub):
    pix = await new_pix(hub)
    status, _, text = await open_page(hub, f"{hub.url}/payments/pix/{pix['id']}", **hub.headers)
    assert status == 200
    assert f"/ws?payment_id={pix['id']}&amp;t={pix['payment_url'].partition('?t=')[2]}" in text


async def test_pages_ignore_the_host_header(hub):
    link = await hub.link()
    address = f"{hub.url}/payments/mp/return/?external_reference={link['external_reference']}"
    status, headers, text = await open_page(hub, address, Host="evil.example", **{"X-Forwarded-Host": "evil.example"})
    assert status == 200
    assert link["secure_checkout_url"].partition("?t=")[0] + "?t=" in text
    assert "evil.example" not in text + str(headers)


@claim("assets.digest")
async def test_assets_are_cached_only_under_their_digest(hub):
    _, _, text = await open_page(hub, hub.url + MISSING)
    addresses = re.findall(r'(?:href|src)="(/assets/[^"]+)"', text)
    assert len(addresses) == 6
    for address in addresses:
        status, headers, _ = await open_page(hub, hub.url + address)
        assert (status, headers["X-Content-Type-Options"]) == (200, "nosniff")
        assert "immutable" in headers["Cache-Control"]
        assert (await open_page(hub, hub.url + address, **{"If-None-Match": headers["ETag"]}))[0] == 304
        status, headers, _ = await open_page(hub, hub.url + address.partition("?")[0] + "?v=0123")
        assert (status, headers["Cache-Control"]) == (200, "no-cache")


@pytest.mark.parametrize("name", ["nothing.css", "..%2flayout.py", "%2e%2e%2fassets.py", "live.js.map", "%00"])
async def test_unknown_asset_is_not_found(hub, name):
    assert (await open_page(hub, f"{hub.url}/assets/{name}"))[0] == 404


@claim("errors.catalogue")
async def test_type_of_a_problem_leads_to_its_place_in_the_catalogue(hub):
    asked = f"{hub.url}/v1/payments/999999999"
    async with hub.session.get(asked, headers=hub.headers) as answer:
        address, _, anchor = urljoin(asked, (await answer.json())["type"]).partition("#")
    status, headers, text = await open_page(hub, address)
    assert (status, headers["Content-Type"]) == (200, "text/html; charset=utf-8")
    assert headers["Cache-Control"].startswith("public, max-age=")
    assert "default-src 'none'" in headers["Content-Security-Policy"]
    assert f'<article id="{anchor}">' in text
    assert (await open_page(hub, address, **{"If-None-Match": headers["ETag"]}))[0] == 304
