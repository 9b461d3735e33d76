"""The root of the sandbox says what it is, and leads to what can be done there."""

from __future__ import annotations

from html import unescape

from tests.sandbox.test_checkout_page import Page, look


async def test_the_root_says_that_no_money_is_real_and_every_link_leads_somewhere(sandbox):
    status, text = await look(sandbox, f"{sandbox.url}/")
    page = Page(text)
    assert (status, page.language, page.scripts) == (200, "pt-BR", 0)
    assert "<h1>Mercado Pago simulado</h1>" in text
    assert "Ainda não há link para pagar." in text
    assert page.links
    for link in page.links:
        assert (await look(sandbox, sandbox.url + link))[0] == 200, link


async def test_the_root_leads_to_the_newest_links_that_can_be_paid(sandbox):
    made = [await sandbox.preference() for _ in range(12)]
    await sandbox.call("PUT", f"/checkout/preferences/{made[-1]['id']}/expire")
    _, text = await look(sandbox, f"{sandbox.url}/")
    links = [unescape(link) for link in Page(text).links if "pref_id" in link]
    assert links == [each["init_point"] for each in reversed(made[1:-1])]


async def test_below_the_root_unknown_addresses_are_still_the_providers(sandbox):
    status, body = await sandbox.call("GET", "/nothing")
    assert (status, body["error"]) == (404, "not_found")
