"""Every page in every state: accessibility, narrow phones, dark mode, keyboard and print."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
import pytest_asyncio
from playwright.async_api import expect

from tests.browser.conftest import Visit
from tests.compatibility.claim import claim
from tests.conftest import CLIENTS

pytestmark = pytest.mark.asyncio(loop_scope="session")

AXE = CLIENTS / "node_modules" / "axe-core" / "axe.min.js"
ALL_RULES = {"resultTypes": ["violations"]}
ONLY_COLOURS = {"runOnly": ["color-contrast", "link-in-text-block"], **ALL_RULES}
NARROW = {"width": 320, "height": 640}
HEADINGS = {
    "pix to pay": "Pague com Pix",
    "pix of the provider": "Pague com Pix",
    "pix in preparation": "Preparando a cobrança",
    "pix under review": "Pagamento em análise",
    "pix settling": "Conferindo o pagamento",
    "pix being cancelled": "Cobrança sendo cancelada",
    "pix partial": "Pagamento incompleto",
    "pix late": "Pagamento recebido fora do prazo",
    "pix paid": "Pagamento confirmado",
    "pix paid twice": "Pagamento confirmado",
    "pix expired": "Cobrança expirada",
    "pix cancelled": "Cobrança cancelada",
    "link in preparation": "Preparando a cobrança",
    "link under review": "Pagamento em análise",
    "link settling": "Conferindo o pagamento",
    "link being cancelled": "Cobrança sendo cancelada",
    "link partial": "Pagamento incompleto",
    "link paid": "Pagamento já realizado",
    "link paid twice": "Pagamento já realizado",
    "link paid too much": "Pagamento já realizado",
    "link cancelled": "Link cancelado",
    "link expired": "Link expirado",
    "back without paying": "Nenhum pagamento recebido ainda",
    "back unanswered": "Conferindo o pagamento",
    "back pending": "Aguardando a confirmação",
    "back pending and refused": "Aguardando a confirmação",
    "back under review": "Pagamento em análise",
    "back refused": "Pagamento não aprovado",
    "back partial": "Pagamento incompleto",
    "back approved": "Pagamento aprovado",
    "back paid twice": "Pagamento aprovado",
    "back refunded": "Pagamento devolvido",
    "back disputed": "Pagamento em contestação",
    "back charged back": "Pagamento contestado",
    "nothing": "Página não encontrada",
}
MAY_PAY = {
    "pix to pay",
    "pix of the provider",
    "back without paying",
    "back pending",
    "back pending and refused",
    "back refused",
}
NOTICES = {
    "pix paid twice": "Recebemos mais de um pagamento deste pedido.",
    "link paid twice": "Recebemos mais de um pagamento deste pedido.",
    "link paid too much": "Recebemos mais do que o valor deste pedido.",
    "back paid twice": "Recebemos mais de um pagamento deste pedido.",
    "back pending and refused": "O cartão não foi aprovado.",
}
LONG = "Encomenda de aniversário com nome muitíssimo comprido: " + "salgadinhos" * 12


class PageStates:
    """Brings payments into a state, and returns the address of the page that shows it."""

    def __init__(self, hub, log_writer, until):
        self.hub, self.log_writer, self.until = hub, log_writer, until

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
        match word:
            case "of the provider" | "under review" | "being cancelled":
                return await self.pix_of_the_provider(word)
            case "in preparation":
                return await self.log_writer.open_without_charge(method="pix")
            case "settling":
                address = await self.log_writer.open(method="pix", lifetime_s=3, provider="mercado_pago")
                await self.until(lambda: self.says(address, "Conferindo o pagamento"), "its deadline is over")
                return address
            case "expired":
                return await self.log_writer.open(method="pix", lifetime_s=0.01)
            case "late":
                return await self.late_pix()
        pix = (await self.hub.post("/payments/pix", {"value": 999999.99, "description": LONG}))[1]["payment"]
        for transfer in {"paid": "A", "paid twice": "AB"}.get(word, ""):
            body = {"bank_payment_id": pix["bank_payment_id"], "value": pix["value"], "end_to_end_id": transfer * 32}
            assert (await self.hub.post("/payments/pix/confirmation", body))[0] == 200
        if word == "partial":
            await self.transfer(pix["bank_payment_id"], 2.00, refused_as=(400, "wrong_amount"))
        if word == "cancelled":
            await self.cancel(pix["id"])
        return pix["payment_url"]

    async def late_pix(self):
        """Pay a Pix in full, after its deadline."""
        address = await self.log_writer.open(method="pix", lifetime_s=0.01)
        await self.until(lambda: self.is_over(address), "its deadline is over")
        paid_at = datetime.now(UTC).isoformat()
        name = await self.log_writer.bank_payment_id(address)
        await self.transfer(name, 7.00, paid_at=paid_at, refused_as=(409, "late_payment"))
        return address

    async def transfer(self, bank_payment_id, value, *, refused_as, **more):
        """Confirm a transfer that does not pay the charge: the hub holds it and rejects the confirmation."""
        body = {"bank_payment_id": bank_payment_id, "value": value, "end_to_end_id": "A" * 32, **more}
        status, answer = await self.hub.post("/payments/pix/confirmation", body)
        assert (status, answer["code"]) == refused_as

    async def pix_of_the_provider(self, word):
        body = {
            "padaria_slug": "padaria-do-marcos",
            "items": [{"nome": "Pão Francês", "quantidade": 10}],
            "customer": {"email": "cliente@example.com"},
        }
        cart = (await self.hub.post("/payments/api/cart/", body))[1]
        if word == "under review":
            await self.become(cart, "in_process", payment_id=cart["mp_payment_id"])
        if word == "being cancelled":
            await self.request_cancellation(cart["payment_id"])
        return cart["payment_url"]

    async def link(self, word):
        match word:
            case "in preparation":
                return await self.log_writer.open_without_charge(method="checkout")
            case "settling":
                address = await self.log_writer.open(method="checkout", lifetime_s=3)
                await self.hub.faults(error_rate=1)
                await self.until(lambda: self.says(address, "Conferindo o pagamento"), "its deadline is over")
                return address
            case "expired":
                address = await self.log_writer.open(method="checkout", lifetime_s=3)
                await self.until(lambda: self.is_over(address), "the link is over")
                return address
        link = await self.hub.link()
        match word:
            case "being cancelled":
                await self.request_cancellation(link["payment_id"])
            case "cancelled":
                await self.cancel(link["payment_id"])
            case "under review":
                await self.become(link, "in_process")
            case "paid twice":
                await self.pay_twice(link)
            case "partial":
                await self.pay_in_part(link)
            case "paid too much":
                await self.become(link, "approved", preference_id=link["preference_id"], amount=6.00)
            case _:
                await self.become(link, "approved")
        return link["secure_checkout_url"]

    async def back(self, word):
        link = await self.hub.link(description=LONG)
        outcomes = {
            "pending": ("pending",),
            "pending and refused": ("pending",),
            "under review": ("in_process",),
            "refused": ("rejected",),
            "approved": ("approved",),
            "refunded": ("approved", "refunded"),
            "disputed": ("approved", "in_mediation"),
            "charged back": ("approved", "charged_back"),
        }
        for outcome in outcomes.get(word, ()):
            await self.become(link, outcome)
        if word == "pending and refused":
            await self.attempt(link, "rejected")
            await self.until(lambda: self.knows_of(link, "rejected"), "the refused card is recorded")
        if word == "paid twice":
            await self.pay_twice(link)
        if word == "partial":
            await self.pay_in_part(link)
        if word == "unanswered":
            await self.hub.faults(error_rate=1)
        return f"{self.hub.url}/payments/mp/return/?external_reference={link['external_reference']}"

    async def attempt(self, link, outcome):
        return await self.hub.sandbox(
            "POST", "/_sandbox/pay", {"preference_id": link["preference_id"], "outcome": outcome}
        )

    async def become(self, payment, outcome, **target):
        target = target or {"preference_id": payment["preference_id"]}
        await self.hub.sandbox("POST", "/_sandbox/pay", {**target, "outcome": outcome})
        await self.hub.until_checked(payment["payment_id"], status=outcome)

    async def knows_of(self, link, status):
        return any(event["data"].get("status") == status for event in await self.hub.events(link["payment_id"]))

    async def pay_twice(self, link):
        for _ in range(2):
            await self.attempt(link, "approved")

        async def is_known():
            types = [event["type"] for event in await self.hub.events(link["payment_id"])]
            return "DuplicatePaymentObserved" in types

        await self.until(is_known, "both payments are recorded")

    async def pay_in_part(self, link):
        order = {"preference_id": link["preference_id"], "new_attempt": True, "outcome": "approved", "amount": 2.00}
        await self.hub.sandbox("POST", "/_sandbox/pay", order)
        await self.hub.until_checked(link["payment_id"], status_detail="partially_paid")

    async def cancel(self, number):
        assert (await self.hub.post(f"/payments/api/{number}/cancel/", {}))[0] == 200

    async def request_cancellation(self, number):
        """Cancel a payment while the provider does not answer, so that only the request is recorded."""
        await self.hub.faults(error_rate=1)
        assert (await self.hub.post(f"/payments/api/{number}/cancel/", {}))[0] == 202

    async def says(self, address, heading):
        async with self.hub.session.get(address, allow_redirects=False) as answer:
            return f">{heading}</h1>" in await answer.text()

    async def is_over(self, address):
        async with self.hub.session.get(address, allow_redirects=False) as answer:
            return answer.status == 410


@pytest.fixture
def page_states(hub, log_writer, until):
    return PageStates(hub, log_writer, until)


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def narrow_phone(chromium, shared_hub):
    """A phone for every state: our pages keep nothing in it, and a new one computes as much as axe does."""
    context = await chromium.new_context(viewport=NARROW, locale="pt-BR", bypass_csp=True)
    visit = Visit(context, shared_hub.url, shared_hub.sandbox_url)
    yield visit, await visit.page()
    await context.close()


@pytest_asyncio.fixture(loop_scope="session")
async def narrow_page(narrow_phone):
    """The page of that phone; at the end of the test it has not complained."""
    visit, page = narrow_phone
    yield page
    await page.goto("about:blank")
    complaints, strangers = visit.complaints[:], visit.strangers[:]
    visit.complaints.clear()
    visit.strangers.clear()
    assert (complaints, strangers) == ([], [])
    assert await visit.context.storage_state() == {"cookies": [], "origins": []}


@claim("pix-page.language", "pix-page.missing", "pix-page.expired", "secure-link.missing", "return-page.shows")
@pytest.mark.parametrize("state", HEADINGS)
async def test_page_passes_accessibility_rules(page_states, narrow_page, node, state):
    page = narrow_page
    await page.goto(await page_states.address_of(state))
    await page.evaluate(AXE.read_text())
    colours = set()
    for scheme, rules in (("light", ALL_RULES), ("dark", ONLY_COLOURS)):
        await page.emulate_media(color_scheme=scheme)
        await page.evaluate("Promise.all(document.getAnimations().map((animation) => animation.finished))")
        await expect(page.get_by_role("heading")).to_have_text(HEADINGS[state])
        assert await page.locator(".notice").count() == (state in NOTICES)
        if state in NOTICES:
            await expect(page.locator(".notice")).to_contain_text(NOTICES[state])
        # Only these pages may offer to pay.
        assert await page.locator("main .actions, main textarea").count() == (state in MAY_PAY)
        assert await page.evaluate("document.documentElement.lang") == "pt-BR"
        assert await page.evaluate("document.documentElement.scrollWidth") <= NARROW["width"]
        assert await serious_violations(page, rules) == []
        colours.add(await page.evaluate("getComputedStyle(document.body).backgroundColor"))
    assert len(colours) == 2


async def test_error_catalogue_passes_accessibility_rules(hub, narrow_page):
    await narrow_page.goto(f"{hub.url}/docs/errors")
    await narrow_page.evaluate(AXE.read_text())
    for scheme, rules in (("light", ALL_RULES), ("dark", ONLY_COLOURS)):
        await narrow_page.emulate_media(color_scheme=scheme)
        assert await narrow_page.evaluate("document.documentElement.scrollWidth") <= NARROW["width"]
        assert await serious_violations(narrow_page, rules) == []


async def serious_violations(page, rules):
    """Return the serious violations that axe finds."""
    found = await page.evaluate("(rules) => axe.run(rules)", rules)
    assert found["passes"]
    return [
        (violation["id"], [node["target"] for node in violation["nodes"]])
        for violation in found["violations"]
        if violation["impact"] in {"serious", "critical"}
    ]


async def test_dark_mode_differs_from_light_mode(page_states, browse):
    address = await page_states.address_of("pix to pay")
    pictures = []
    for scheme in ("light", "dark"):
        page = await browse(color_scheme=scheme)
        await page.goto(address)
        pictures.append(await page.locator("main").screenshot())
        # The code stays dark on white for scanners, and so does its text.
        style = await page.locator(".code").evaluate(
            "code => [getComputedStyle(code).backgroundColor, getComputedStyle(code).color]"
        )
        assert style == ["rgb(255, 255, 255)", "rgb(23, 32, 30)"]
    assert pictures[0] != pictures[1]


async def test_every_colour_is_a_design_token(browse, hub):
    async with hub.session.get(f"{hub.url}/assets/extrato.css") as answer:
        rules = (await answer.text()).partition("*, *::before")[2]
    assert rules.count("#") == 0
    assert "rgb(" not in rules


async def test_keyboard_reaches_controls_in_order_with_visible_focus(page_states, browse):
    page = await browse()
    await page.goto(await page_states.address_of("pix to pay"))
    reached = []
    for _ in range(3):
        await page.keyboard.press("Tab")
        focused = page.locator(":focus")
        reached.append(await focused.evaluate("focused => focused.localName"))
        outline = await focused.evaluate("focused => getComputedStyle(focused).outlineStyle")
        assert outline == "solid"
    assert reached == ["button", "textarea", "a"]


async def test_controls_are_large_enough_for_touch(page_states, browse):
    page = await browse()
    await page.goto(await page_states.address_of("pix to pay"))
    for control in await page.locator("main button, main a").all():
        box = await control.bounding_box()
        assert box["height"] >= 44


async def test_large_letters_keep_amounts_whole_and_page_width(page_states, browse):
    page = await browse(viewport=NARROW, bypass_csp=True)
    await page.goto(await page_states.address_of("pix to pay"))
    await page.add_style_tag(content="html { font-size: 200% !important; }")
    assert await page.evaluate("document.documentElement.scrollWidth") <= NARROW["width"]
    # A line may break after the R$, never inside the number.
    lines = """amount => {
        const [text, number] = [amount.firstChild, document.createRange()];
        number.setStart(text, text.data.search(/[0-9]/));
        number.setEnd(text, text.length);
        return number.getClientRects().length;
    }"""
    assert await page.locator(".amount").evaluate(lines) == 1
    assert await page.locator(".amount").evaluate("amount => amount.scrollWidth <= amount.clientWidth")


async def test_printed_page_has_code_and_no_controls(page_states, browse):
    page = await browse(color_scheme="dark")
    await page.goto(await page_states.address_of("pix to pay"))
    await page.emulate_media(media="print")
    await expect(page.get_by_role("img", name="QR Code do Pix")).to_be_visible()
    await expect(page.locator(".facts")).to_be_visible()
    await expect(page.get_by_role("button")).to_have_count(0)
    await expect(page.locator(".countdown")).to_be_hidden()
    assert await page.evaluate("getComputedStyle(document.querySelector('main')).backgroundColor") == (
        "rgb(255, 255, 255)"
    )
