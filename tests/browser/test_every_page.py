"""Every page in every state: for a screen reader, a narrow phone, the dark, and a keyboard."""

from __future__ import annotations

import pytest
from playwright.async_api import expect

from tests.conftest import CLIENTS

pytestmark = pytest.mark.asyncio(loop_scope="session")

AXE = CLIENTS / "node_modules" / "axe-core" / "axe.min.js"
NARROW = {"width": 320, "height": 640}
HEADINGS = {
    "pix to pay": "Pague com Pix",
    "pix of the provider": "Pague com Pix",
    "pix paid": "Pagamento confirmado",
    "pix expired": "Cobrança expirada",
    "pix cancelled": "Cobrança cancelada",
    "link paid": "Pagamento já realizado",
    "link cancelled": "Link cancelado",
    "link expired": "Link expirado",
    "back without paying": "Pagamento não concluído",
    "back pending": "Aguardando o pagamento",
    "back under review": "Pagamento em análise",
    "back refused": "Pagamento não aprovado",
    "back approved": "Pagamento aprovado",
    "back refunded": "Pagamento devolvido",
    "back disputed": "Pagamento em contestação",
    "nothing": "Página não encontrada",
}
LONG = "Encomenda de aniversário com nome muitíssimo comprido: " + "salgadinhos" * 12


class Desk:
    """Brings payments into a state and gives the address of the page that shows it."""

    def __init__(self, hub, brief, until):
        self.hub, self.brief, self.until = hub, brief, until

    async def address_of(self, state):
        kind, _, word = state.partition(" ")
        match kind:
            case "pix":
                return await self.pix(word)
            case "link":
                return await self.link(word)
            case "back":
                return await self.back(word)
        return f"{self.hub.url}/payments/pix/999999999?t={'0' * 32}"

    async def pix(self, word):
        if word == "of the provider":
            body = {
                "padaria_slug": "padaria-do-marcos",
                "items": [{"nome": "Pão Francês", "quantidade": 10}],
                "customer": {"email": "cliente@example.com"},
            }
            return (await self.hub.post("/payments/api/cart/", body))[1]["payment_url"]
        if word == "expired":
            return await self.brief.open(method="pix", lifetime_s=0.01)
        pix = (await self.hub.post("/payments/pix", {"value": 999999.99, "description": LONG}))[1]["payment"]
        if word == "paid":
            body = {"bank_payment_id": pix["bank_payment_id"], "value": pix["value"]}
            assert (await self.hub.post("/payments/pix/confirmation", body))[0] == 200
        if word == "cancelled":
            assert (await self.hub.post(f"/payments/api/{pix['id']}/cancel/", {}))[0] == 200
        return pix["payment_url"]

    async def link(self, word):
        if word == "expired":
            address = await self.brief.open(method="checkout", lifetime_s=3)
            await self.until(lambda: self.is_over(address), "the link is over")
            return address
        link = await self.hub.link()
        if word == "cancelled":
            assert (await self.hub.post(f"/payments/api/{link['payment_id']}/cancel/", {}))[0] == 200
        else:
            await self.become(link, "approved")
        return link["secure_checkout_url"]

    async def back(self, word):
        link = await self.hub.link(description=LONG)
        outcomes = {
            "without paying": (),
            "pending": ("pending",),
            "under review": ("in_process",),
            "refused": ("rejected",),
            "approved": ("approved",),
            "refunded": ("approved", "refunded"),
            "disputed": ("approved", "in_mediation"),
        }
        for outcome in outcomes[word]:
            await self.become(link, outcome)
        return f"{self.hub.url}/payments/mp/return/?external_reference={link['external_reference']}"

    async def become(self, link, outcome):
        await self.hub.sandbox("POST", "/_sandbox/pay", {"preference_id": link["preference_id"], "outcome": outcome})

        async def is_known():
            return (await self.hub.check(link["payment_id"]))["status"] == outcome

        await self.until(is_known, outcome)

    async def is_over(self, address):
        async with self.hub.session.get(address, allow_redirects=False) as answer:
            return answer.status == 410


@pytest.fixture
def desk(hub, brief, until):
    return Desk(hub, brief, until)


@pytest.mark.parametrize("state", HEADINGS)
async def test_everybody_can_read_the_page(desk, browse, node, state):
    address = await desk.address_of(state)
    colours = set()
    for scheme in ("light", "dark"):
        page = await browse(viewport=NARROW, color_scheme=scheme, bypass_csp=True)
        await page.goto(address)
        await expect(page.get_by_role("heading")).to_have_text(HEADINGS[state])
        assert await page.evaluate("document.documentElement.lang") == "pt-BR"
        assert await page.evaluate("document.documentElement.scrollWidth") <= NARROW["width"]
        assert await serious_violations(page) == []
        colours.add(await page.evaluate("getComputedStyle(document.body).backgroundColor"))
    assert len(colours) == 2


async def serious_violations(page):
    """What axe finds that keeps somebody from using the page."""
    await page.evaluate(AXE.read_text())
    found = await page.evaluate("axe.run()")
    assert found["passes"]
    return [
        (violation["id"], [node["target"] for node in violation["nodes"]])
        for violation in found["violations"]
        if violation["impact"] in {"serious", "critical"}
    ]


async def test_the_night_is_another_picture_than_the_day(desk, browse):
    address = await desk.address_of("pix to pay")
    pictures = []
    for scheme in ("light", "dark"):
        page = await browse(color_scheme=scheme)
        await page.goto(address)
        pictures.append(await page.locator("main").screenshot())
        # The code stays dark on white, or no scanner reads it.
        assert await page.locator(".code").evaluate("code => getComputedStyle(code).backgroundColor") == (
            "rgb(255, 255, 255)"
        )
    assert pictures[0] != pictures[1]


async def test_every_colour_is_a_token(browse, hub):
    async with hub.session.get(f"{hub.url}/assets/extrato.css") as answer:
        rules = (await answer.text()).partition("*, *::before")[2]
    # White under a code is not a matter of taste.
    assert rules.replace("background: #ffffff", "").count("#") == 0
    assert "rgb(" not in rules


async def test_the_keyboard_reaches_every_control_in_order_and_shows_where_it_is(desk, browse):
    page = await browse()
    await page.goto(await desk.address_of("pix to pay"))
    reached = []
    for _ in range(3):
        await page.keyboard.press("Tab")
        focused = page.locator(":focus")
        reached.append(await focused.evaluate("focused => focused.localName"))
        outline = await focused.evaluate("focused => getComputedStyle(focused).outlineStyle")
        assert outline == "solid"
    assert reached == ["button", "textarea", "a"]


async def test_controls_are_large_enough_for_a_thumb(desk, browse):
    page = await browse()
    await page.goto(await desk.address_of("pix to pay"))
    for control in await page.locator("main button, main a").all():
        box = await control.bounding_box()
        assert box["height"] >= 44
