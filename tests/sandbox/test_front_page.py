"""The front page of the sandbox describes it and links to its pages."""

from __future__ import annotations

from html import unescape

from tests.sandbox.test_checkout_page import Page, look


async def test_front_page_explains_itself_and_its_links_work(sandbox):
    status, text = await look(sandbox, f"{sandbox.url}/")
    page = Page(text)
    assert (status, page.language, page.scripts) == (200, "pt-BR", 0)
    assert "<h1>Mercado Pago simulado</h1>" in text
    assert "Não há link para pagar no momento." in text
    assert page.links
    for link in page.links:
        assert (await look(sandbox, sandbox.url + link))[0] == 200, link


async def test_front_page_lists_newest_payable_links(sandbox):
    made = [await sandbox.preference() for _ in range(12)]
    await sandbox.call("PUT", f"/checkout/preferences/{made[-1]['id']}/expire")
    _, text = await look(sandbox, f"{sandbox.url}/")
    links = [unescape(link) for link in Page(text).links if "pref_id" in link]
    assert links == [each["init_point"] for each in reversed(made[1:-1])]


async def test_front_page_omits_paid_links(sandbox):
    made = [await sandbox.preference() for _ in range(5)]
    pending, short, paid, refunded, in_parts = (each["id"] for each in made)
    await sandbox.pay(preference_id=pending, outcome="pending")
    await sandbox.pay(preference_id=short, outcome="approved", amount=2.5)
    await sandbox.pay(preference_id=paid, outcome="approved")
    await sandbox.pay(preference_id=refunded, outcome="approved")
    await sandbox.pay(preference_id=refunded, outcome="refunded")
    for amount in (2.5, 5):
        await sandbox.pay(preference_id=in_parts, outcome="approved", amount=amount, new_attempt=True)
    _, text = await look(sandbox, f"{sandbox.url}/")
    links = [unescape(link) for link in Page(text).links if "pref_id" in link]
    assert links == [made[1]["init_point"], made[0]["init_point"]]


async def test_unknown_addresses_answer_as_the_provider(sandbox):
    status, body = await sandbox.call("GET", "/nothing")
    assert (status, body["error"]) == (404, "not_found")
