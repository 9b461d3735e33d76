"""A payer pays, fails to pay, or leaves, on plain pages in Portuguese."""

from __future__ import annotations

import asyncio
from html import unescape
from html.parser import HTMLParser
from urllib.parse import parse_qsl

import pytest
from yarl import URL

BACK_URLS = {
    "success": "https://loja.example/ok?pedido=1",
    "pending": "https://loja.example/espera",
    "failure": "https://loja.example/falhou",
}


class Page(HTMLParser):
    """The text and the controls of a page, and whether its tags are balanced."""

    VOID = frozenset({"meta", "link", "img", "br", "input"})

    def __init__(self, text: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.language = ""
        self.buttons: list[str] = []
        self.links: list[str] = []
        self.scripts = 0
        self.feed(text)
        assert self.open == []

    def handle_starttag(self, tag, attrs):
        attributes = dict(attrs)
        if tag not in self.VOID:
            self.open.append(tag)
        self.language = attributes.get("lang", self.language) if tag == "html" else self.language
        self.scripts += tag == "script"
        if tag == "button":
            self.buttons.append(attributes["value"])
        if tag == "a":
            self.links.append(attributes["href"])

    def handle_endtag(self, tag):
        assert self.open.pop() == tag


async def look(sandbox, address: str) -> tuple[int, str]:
    async with sandbox.session.get(address) as response:
        return response.status, await response.text()


async def press(sandbox, address: str, choice: str, **typed: str) -> tuple[int, URL | None, str]:
    async with sandbox.session.post(address, data={"choice": choice, **typed}, allow_redirects=False) as response:
        location = response.headers.get("Location")
        return response.status, None if location is None else URL(location), await response.text()


async def test_page_is_portuguese_and_needs_no_script(sandbox):
    preference = await sandbox.preference(items=[{"title": "Pão <b>doce</b>", "quantity": 3, "unit_price": 411.5}])
    status, text = await look(sandbox, preference["init_point"])
    page = Page(text)
    assert (status, page.language, page.scripts) == (200, "pt-BR", 0)
    assert page.buttons == ["card", "pix", "boleto", "in_process", "reject", "leave"]
    assert "Pão &lt;b&gt;doce&lt;/b&gt;" in text
    assert "R$ 1.234,50" in text
    status, style = await look(sandbox, f"{sandbox.url}/checkout/v1/style.css")
    assert (status, "focus-visible" in style) == (200, True)


@pytest.mark.parametrize(
    ("choice", "address", "status", "payment_type"),
    [
        ("card", "https://loja.example/ok", "approved", "credit_card"),
        ("pix", "https://loja.example/espera", "pending", "bank_transfer"),
        ("boleto", "https://loja.example/espera", "pending", "ticket"),
        ("in_process", "https://loja.example/espera", "in_process", "credit_card"),
        ("reject", "https://loja.example/falhou", "rejected", "credit_card"),
    ],
)
async def test_choice_redirects_to_the_shop_with_the_real_query(sandbox, choice, address, status, payment_type):
    preference = await sandbox.preference(back_urls=BACK_URLS, external_reference="PED-1")
    http_status, location, _ = await press(sandbox, preference["init_point"], choice)
    assert http_status == 303
    if choice in {"pix", "boleto"}:
        # The page with the code comes first.
        assert str(location.origin()) == sandbox.url
        (location,) = [URL(unescape(link)) for link in Page((await look(sandbox, location))[1]).links]
    assert str(location.with_query(None)) == address
    query = parse_qsl(location.raw_query_string)
    if choice == "card":
        assert query.pop(0) == ("pedido", "1")
    names = [name for name, _ in query]
    values = dict(query)
    assert names == [
        "collection_id",
        "collection_status",
        "payment_id",
        "status",
        "external_reference",
        "payment_type",
        "merchant_order_id",
        "preference_id",
        "site_id",
        "processing_mode",
        "merchant_account_id",
    ]
    payment = await sandbox.payment(int(values["payment_id"]))
    assert values["collection_id"] == values["payment_id"]
    assert values["collection_status"] == values["status"] == payment["status"] == status
    assert values["payment_type"] == payment["payment_type_id"] == payment_type
    assert values["merchant_order_id"] == payment["order"]["id"]
    assert (values["external_reference"], values["preference_id"]) == ("PED-1", preference["id"])
    assert (values["site_id"], values["processing_mode"]) == ("MLB", "aggregator")
    assert values["merchant_account_id"] == "null"


@pytest.mark.parametrize("choice", ["pix", "boleto"])
async def test_paid_ticket_links_to_the_shop_as_paid(sandbox, choice):
    preference = await sandbox.preference(back_urls=BACK_URLS)
    _, ticket, _ = await press(sandbox, preference["init_point"], choice)
    _, _, text = await press(sandbox, ticket, "pay")
    (back,) = [URL(unescape(link)) for link in Page(text).links]
    assert (str(back.with_query(None)), back.query["status"]) == ("https://loja.example/ok", "approved")


async def test_checkout_links_to_a_pending_code(sandbox):
    preference = await sandbox.preference(back_urls=BACK_URLS)
    tickets = [str((await press(sandbox, preference["init_point"], choice))[1]) for choice in ("pix", "boleto")]
    _, text = await look(sandbox, preference["init_point"])
    assert [unescape(link) for link in Page(text).links] == tickets
    await press(sandbox, tickets[0], "pay")
    _, text = await look(sandbox, preference["init_point"])
    assert [unescape(link) for link in Page(text).links] == tickets[1:]


async def test_leaving_without_payment_returns_nulls(sandbox):
    preference = await sandbox.preference(back_urls=BACK_URLS)
    status, location, _ = await press(sandbox, preference["init_point"], "leave")
    assert (status, location.path) == (303, "/falhou")
    assert location.query["payment_id"] == location.query["collection_id"] == "null"
    assert location.query["external_reference"] == location.query["status"] == "null"
    _, orders = await sandbox.call("GET", f"/merchant_orders/search?preference_id={preference['id']}")
    assert orders["total"] == 0


async def test_preference_stays_payable_after_rejected_attempt(sandbox):
    preference = await sandbox.preference(external_reference="PED-1")
    _, _, text = await press(sandbox, preference["init_point"], "reject")
    assert "Pagamento recusado" in text
    await press(sandbox, preference["init_point"], "card")
    _, found = await sandbox.call("GET", "/v1/payments/search?external_reference=PED-1&criteria=asc")
    assert [payment["status"] for payment in found["results"]] == ["rejected", "approved"]
    assert len({payment["order"]["id"] for payment in found["results"]}) == 1


async def test_checkout_pix_is_paid_on_its_ticket_page(sandbox, shop):
    preference = await sandbox.preference(notification_url=f"{shop.url}?source_news=webhooks")
    _, ticket, _ = await press(sandbox, preference["init_point"], "pix")
    status, text = await look(sandbox, ticket)
    assert (status, Page(text).buttons) == (200, ["pay", "cancel"])
    assert "br.gov.bcb.pix" in text
    assert Page(text).links == []
    status, _, text = await press(sandbox, ticket, "pay")
    assert status == 200
    assert "Pagamento aprovado" in text
    status, _, _ = await press(sandbox, ticket, "cancel")
    assert status == 409
    received = await shop.wait_for_webhooks(2)
    assert [webhook.body["action"] for webhook in received] == ["payment.created", "payment.updated"]


async def test_ticket_opens_only_with_its_hash(sandbox):
    payment = await sandbox.pix()
    status, _ = await look(sandbox, f"{sandbox.url}/payments/{payment['id']}/ticket?hash=guess")
    assert status == 404


async def test_expired_preference_rejects_payment(sandbox):
    preference = await sandbox.preference(
        back_urls=BACK_URLS, expires=True, expiration_date_to="2026-01-01T00:00:00.000-03:00"
    )
    assert preference["preference_expired"] is True
    status, text = await look(sandbox, preference["init_point"])
    page = Page(text)
    assert (status, page.buttons) == (200, [])
    assert "Link expirado" in text
    _, location, _ = await press(sandbox, preference["init_point"], "card")
    assert location is None
    status, refusal = await sandbox.control("POST", "pay", {"preference_id": preference["id"], "outcome": "approved"})
    assert (status, refusal["error"]) == (409, "preference_expired")


async def test_dates_have_no_effect_without_expires(sandbox):
    preference = await sandbox.preference(expiration_date_to="2026-01-01T00:00:00.000-03:00")
    _, text = await look(sandbox, preference["init_point"])
    assert "card" in Page(text).buttons


async def test_unknown_link_and_button_are_rejected(sandbox):
    status, text = await look(sandbox, f"{sandbox.url}/checkout/v1/redirect?pref_id=1-none")
    assert (status, "Link não encontrado" in text) == (404, True)
    preference = await sandbox.preference()
    status, _, _ = await press(sandbox, preference["init_point"], "steal")
    assert status == 400


async def test_simultaneous_payers_share_one_order(sandbox):
    preference = await sandbox.preference()
    await asyncio.gather(*(press(sandbox, preference["init_point"], "boleto") for _ in range(5)))
    _, orders = await sandbox.call("GET", f"/merchant_orders/search?preference_id={preference['id']}")
    assert [len(order["payments"]) for order in orders["elements"]] == [5]


async def test_payer_types_personal_data_at_the_checkout(sandbox):
    preference = await sandbox.preference(back_urls=BACK_URLS, payer={"name": "Ana", "email": "ana@example.com"})
    _, text = await look(sandbox, preference["init_point"])
    assert 'value="ana@example.com"' in text

    typed = {"name": "Bia de Souza", "document": "123.456.789-09", "phone": "(11) 98765-4321"}
    _, location, _ = await press(sandbox, preference["init_point"], "card", **typed)

    payment = await sandbox.payment(int(location.query["payment_id"]))
    document = {"type": "CPF", "number": "12345678909"}
    payer = payment["payer"]
    assert (payer["email"], payer["first_name"], payer["last_name"]) == ("ana@example.com", "Bia", "de Souza")
    assert payer["identification"] == document
    assert payer["phone"] == {"area_code": "11", "extension": None, "number": "987654321"}
    assert payment["card"]["last_four_digits"] == "5682"
    assert payment["card"]["cardholder"] == {"name": "Bia de Souza", "identification": document}


@pytest.mark.parametrize("typed", [{"email": "bia"}, {"document": "123"}])
async def test_unreadable_personal_data_is_rejected(sandbox, typed):
    preference = await sandbox.preference()
    status, _, text = await press(sandbox, preference["init_point"], "card", **typed)
    assert (status, "Dados inválidos" in text) == (400, True)
