"""The page of a Pix: it updates itself, its countdown is right, and its code can be copied."""

from __future__ import annotations

import time

import cv2
import numpy as np
import pytest
from playwright.async_api import expect

from tests.browser.polling import let_page_poll
from tests.compatibility.claim import claim

pytestmark = pytest.mark.asyncio(loop_scope="session")

# A phone whose clock is three hours ahead, and may be put forward further while the page is open.
WRONG_CLOCK = """
    window.ahead = 3 * 3600 * 1000;
    const TrueDate = Date;
    window.Date = class extends TrueDate {
        constructor(...given) { given.length ? super(...given) : super(TrueDate.now() + window.ahead); }
        static now() { return TrueDate.now() + window.ahead; }
    };
"""
WITHOUT_CLIPBOARD = "Object.defineProperty(Navigator.prototype, 'clipboard', { get: () => undefined });"
SILENT_CLIPBOARD = "Clipboard.prototype.writeText = () => new Promise(() => {});"
# An announcement stays for some seconds only.
KEEP_WHAT_IS_SAID = """
window.said = [];
document.addEventListener("DOMContentLoaded", () => {
  const place = document.querySelector("[role=status]");
  new MutationObserver(() => window.said.push(place.textContent)).observe(place, { childList: true });
});
"""
# How long an announcement stays.
SPOKEN_MS = 5_000
# Stays until a new document is loaded.
MARK = "() => { window.mark = 'the same document'; }"


async def new_pix(hub, **more):
    status, answer = await hub.post("/payments/pix", {"value": 1234.56, "description": "10x Pão Francês", **more})
    assert status == 201, answer
    return answer["payment"]


async def confirm(hub, pix):
    body = {"bank_payment_id": pix["bank_payment_id"], "value": pix["value"]}
    assert (await hub.post("/payments/pix/confirmation", body))[0] == 200


@claim("pix-page.unpaid", "pix-page.language")
async def test_page_shows_amount_and_merchant(hub, browse):
    pix = await new_pix(hub)
    page = await browse()
    await page.goto(pix["payment_url"])
    await expect(page.get_by_role("heading")).to_have_text("Pague com Pix")
    await expect(page.locator("header")).to_have_text("Padaria do Marcos")
    await expect(page.locator(".amount")).to_have_text("R$ 1.234,56")
    await expect(page.locator(".facts")).to_contain_text("10x Pão Francês")
    await expect(page.locator(".facts")).to_contain_text(str(pix["id"]))
    await expect(page.get_by_label("Pix copia e cola")).to_have_value(pix["payload"])
    picture = page.get_by_role("img", name="QR Code do Pix")
    await expect(picture).to_be_visible()
    assert await picture.evaluate("picture => picture.naturalWidth") > 0


@claim("pix-page.unpaid")
@pytest.mark.parametrize("scheme", ["light", "dark"])
async def test_qr_reader_decodes_code_from_screenshot(hub, browse, scheme):
    pix = await new_pix(hub)
    page = await browse(color_scheme=scheme, device_scale_factor=3)
    await page.goto(pix["payment_url"])
    seen = cv2.imdecode(np.frombuffer(await page.screenshot(), np.uint8), cv2.IMREAD_COLOR)
    assert cv2.QRCodeDetector().detectAndDecode(seen)[0] == pix["payload"]


@claim("pix-page.paid", "pix-page.real-time")
async def test_page_changes_when_bank_confirms(hub, browse):
    pix = await new_pix(hub)
    page = await browse()
    await page.goto(pix["payment_url"])
    await page.evaluate(MARK)
    await page.get_by_role("button", name="Copiar").focus()
    await confirm(hub, pix)
    heading = page.get_by_role("heading", name="Pagamento confirmado")
    await expect(heading).to_be_visible()
    await expect(heading).to_be_focused()
    await expect(page.get_by_role("status")).to_contain_text("Pagamento confirmado")
    await expect(page).to_have_title("Pagamento confirmado · Padaria do Marcos")
    await expect(page.get_by_label("Pix copia e cola")).to_have_count(0)
    assert await page.evaluate("window.mark") == "the same document"


async def test_partial_transfer_removes_code(hub, browse):
    pix = await new_pix(hub)
    page = await browse()
    await page.goto(pix["payment_url"])
    await expect(page.get_by_label("Pix copia e cola")).to_be_visible()
    await page.evaluate(MARK)
    body = {"bank_payment_id": pix["bank_payment_id"], "value": 234.56, "end_to_end_id": "A" * 32}
    status, answer = await hub.post("/payments/pix/confirmation", body)
    assert (status, answer["code"]) == (400, "wrong_amount")
    await expect(page.get_by_role("heading")).to_have_text("Pagamento incompleto")
    await expect(page.locator(".facts")).to_contain_text("FaltaR$ 1.000,00")
    await expect(page.locator("main .code, main button, main textarea")).to_have_count(0)
    assert await page.evaluate("window.mark") == "the same document"


@claim("pix-page.real-time")
async def test_page_without_socket_polls_and_changes(hub, browse):
    pix = await new_pix(hub)
    page = await browse()
    await page.clock.install()
    await page.route_web_socket("**/ws?**", lambda socket: socket.close())
    await page.goto(pix["payment_url"])
    await confirm(hub, pix)
    await let_page_poll(page)
    await expect(page.get_by_role("heading", name="Pagamento confirmado")).to_be_visible()


async def test_broken_socket_reconnects(hub, browse, until):
    pix = await new_pix(hub)
    page = await browse()
    sockets = []

    def break_the_first(socket):
        sockets.append(socket)
        if len(sockets) > 1:
            socket.connect_to_server()

    await page.clock.install()
    await page.route_web_socket("**/ws?**", break_the_first)
    await page.goto(pix["payment_url"])
    await expect(page.get_by_role("heading", name="Pague com Pix")).to_be_visible()
    await sockets[0].close()

    async def is_opened_again():
        return len(sockets) > 1

    await until(is_opened_again, "another socket")
    async with page.expect_response(pix["payment_url"]):
        await let_page_poll(page)
    # The page has just polled and polls again in half a minute: until then only the socket can report.
    await confirm(hub, pix)
    await expect(page.get_by_role("heading", name="Pagamento confirmado")).to_be_visible(timeout=12_000)


async def test_offline_page_says_so_then_polls_as_before(hub, browse):
    pix = await new_pix(hub)
    page = await browse()
    await page.clock.install()
    await page.route_web_socket("**/ws?**", lambda socket: socket.close())
    await page.goto(pix["payment_url"])
    address = pix["payment_url"]
    hint = page.get_by_text("Sem conexão no momento.", exact=False).first
    await expect(hint).to_be_hidden()
    await page.route(address, lambda route: route.fulfill(status=503, body="away"))
    for _ in range(6):
        async with page.expect_response(address):
            await page.evaluate("dispatchEvent(new Event('online'))")
    await expect(hint).to_be_visible()
    # The page stays as it was until its deadline.
    await expect(page.get_by_label("Pix copia e cola")).to_have_value(pix["payload"])
    await page.unroute(address)
    async with page.expect_response(address):
        await page.evaluate("dispatchEvent(new Event('online'))")
    await expect(hint).to_be_hidden()
    async with page.expect_response(address):
        await let_page_poll(page)


class Countdown:
    """Compares a page's countdown with the real time left, by the test's own clock."""

    def __init__(self, log_writer, page, lifetime_s):
        self.log_writer, self.page, self.lifetime_s = log_writer, page, lifetime_s

    async def open(self):
        self.not_before = time.monotonic()
        address = await self.log_writer.open(method="pix", lifetime_s=self.lifetime_s)
        self.not_after = time.monotonic()
        await self.page.goto(address)
        await expect(self.page.locator("[data-countdown]")).to_be_visible()
        return address

    async def is_true(self):
        asked_at = time.monotonic()
        minutes, seconds = (await self.page.locator("[data-countdown]").inner_text()).split(":")
        shown = int(minutes) * 60 + int(seconds)
        least = self.not_before + self.lifetime_s - time.monotonic()
        most = self.not_after + self.lifetime_s - asked_at
        return least - 1 <= shown <= most + 2


async def test_countdown_ignores_wrong_phone_clock(log_writer, browse):
    page = await browse()
    await page.add_init_script(WRONG_CLOCK)
    countdown = Countdown(log_writer, page, 600)
    await countdown.open()
    assert await countdown.is_true()


@claim("pix-page.real-time")
async def test_phone_after_sleep_asks_server_for_time_left(log_writer, browse):
    page = await browse()
    await page.add_init_script(WRONG_CLOCK)
    countdown = Countdown(log_writer, page, 600)
    address = await countdown.open()
    async with page.expect_response(address):
        # After a sleep, the clock has advanced and the time since loading has not.
        await page.evaluate("window.ahead += 60000")
    async with page.expect_response(address):
        await page.evaluate("document.dispatchEvent(new Event('visibilitychange'))")
    assert await countdown.is_true()


@claim("pix-page.expired")
async def test_page_refreshes_and_changes_at_zero(log_writer, browse):
    page = await browse()
    await page.goto(await log_writer.open(method="pix", lifetime_s=5))
    await expect(page.get_by_role("heading")).to_have_text("Pague com Pix")
    await page.evaluate(MARK)
    await expect(page.get_by_role("heading")).to_have_text("Cobrança expirada")
    await expect(page.get_by_label("Pix copia e cola")).to_have_count(0)
    await expect(page.locator(".facts")).to_contain_text("Expirado")
    assert await page.evaluate("window.mark") == "the same document"
    again = await page.reload()
    assert again.status == 410


@claim("pix-page.expired")
async def test_page_hides_code_at_zero_while_offline(log_writer, browse, until):
    page = await browse()
    await page.add_init_script(KEEP_WHAT_IS_SAID)
    address = await log_writer.open(method="pix", lifetime_s=5)
    await page.goto(address)
    await page.route(address, lambda route: route.fulfill(status=503, body="away"))
    await page.get_by_role("button", name="Copiar").focus()
    await expect(page.get_by_label("Pix copia e cola")).to_be_visible()
    over = page.locator("main").get_by_text("O prazo terminou: não pague este código.")
    await expect(over).to_be_visible()
    await expect(over).to_be_focused()

    async def is_said():
        return any("O prazo terminou" in text for text in await page.evaluate("window.said"))

    await until(is_said, "the end is announced")
    for offered in (page.get_by_label("Pix copia e cola"), page.locator(".code"), page.locator("main button")):
        await expect(offered).to_be_hidden()
    await expect(page.get_by_text("Pague com Pix")).to_be_hidden()
    await page.unroute(address)
    await expect(page.get_by_role("heading")).to_have_text("Cobrança expirada")


async def test_two_sentences_at_once_are_both_announced(hub, browse):
    pix = await new_pix(hub)
    page = await browse()
    await page.goto(pix["payment_url"])
    await expect(page.locator("html.is-live")).to_be_attached()
    await page.evaluate(
        """() => ["O prazo terminou.", "Sem conexão."].forEach(
            (detail) => document.dispatchEvent(new CustomEvent("extrato:say", { detail })))"""
    )
    await expect(page.get_by_role("status")).to_have_text("O prazo terminou. Sem conexão.")


async def test_code_shows_again_when_still_payable(hub, browse):
    pix = await new_pix(hub)
    page = await browse()
    await page.goto(pix["payment_url"])
    await expect(page.locator("[data-countdown]")).to_be_visible()
    # As if the time had run out only on the phone.
    await page.evaluate("document.querySelector('main').dataset.secondsLeft = '0.1'")
    held = []

    async def hold(route):
        held.append(route)

    await page.route(pix["payment_url"], hold)
    await page.evaluate(
        "document.dispatchEvent(new CustomEvent('extrato:shown', { detail: { since: performance.now() } }))"
    )
    await expect(page.get_by_label("Pix copia e cola")).to_be_hidden()
    await held[0].continue_()
    await expect(page.get_by_label("Pix copia e cola")).to_be_visible()
    await expect(page.locator(".over")).to_be_hidden()


async def test_page_pauses_between_refreshes_after_zero(log_writer, browse):
    page = await browse()
    address = await log_writer.open(method="pix", lifetime_s=5, provider="mercado_pago")
    asked = []
    await page.goto(address)
    await expect(page.get_by_role("heading")).to_have_text("Pague com Pix")
    page.on("request", lambda request: asked.append(request.url) if request.url == address else None)
    await expect(page.get_by_role("heading")).to_have_text("Conferindo o pagamento")
    await expect(page.get_by_label("Pix copia e cola")).to_have_count(0)
    await page.wait_for_timeout(2_000)
    assert 1 <= len(asked) <= 4


async def test_countdown_writes_days_in_words(log_writer, browse):
    page = await browse()
    for lifetime_s, expected in ((2 * 86400 + 3600, "restam 2 dias e 00:59:"), (86400 + 3600, "restam 1 dia e 00:59:")):
        await page.goto(await log_writer.open(method="pix", lifetime_s=lifetime_s))
        await expect(page.locator(".countdown")).to_contain_text(expected)


async def test_copy_button_copies_code_and_announces_it(hub, browse):
    pix = await new_pix(hub)
    page = await browse(permissions=["clipboard-read", "clipboard-write"])
    await page.clock.install()
    await page.goto(pix["payment_url"])
    await page.get_by_role("button", name="Copiar código Pix").press("Enter")
    await expect(page.get_by_role("button")).to_have_text("Código copiado")
    await expect(page.get_by_role("status")).to_contain_text("Código copiado")
    assert await page.evaluate("navigator.clipboard.readText()") == pix["payload"]
    # The announcement is removed, so that it is not read again.
    await page.clock.fast_forward(SPOKEN_MS)
    await expect(page.get_by_role("status")).to_be_empty()
    await expect(page.get_by_role("button")).to_have_text("Copiar código Pix")


@pytest.mark.parametrize("clipboard", [WITHOUT_CLIPBOARD, SILENT_CLIPBOARD], ids=["without", "silent"])
async def test_copy_button_selects_code_without_clipboard(hub, browse, clipboard):
    pix = await new_pix(hub)
    page = await browse()
    await page.add_init_script(clipboard)
    await page.goto(pix["payment_url"])
    await page.get_by_role("button", name="Copiar código Pix").click()
    await expect(page.get_by_role("status")).to_contain_text("Código")
    selected = (
        "() => { const box = document.activeElement; return box.value.slice(box.selectionStart, box.selectionEnd); }"
    )
    assert await page.evaluate(selected) == pix["payload"]


@claim("pix-page.real-time")
async def test_page_works_without_scripts(hub, browse):
    pix = await new_pix(hub)
    page = await browse(java_script_enabled=False)
    await page.goto(pix["payment_url"])
    await expect(page.get_by_label("Pix copia e cola")).to_have_value(pix["payload"])
    await expect(page.get_by_text("Pague até")).to_be_visible()
    # Parts that need a script do not show.
    await expect(page.get_by_role("button")).to_have_count(0)
    await expect(page.get_by_text("restam")).to_be_hidden()
    await expect(page.get_by_text("se atualiza sozinha")).to_be_hidden()
    await expect(page.get_by_text("O prazo terminou")).to_be_hidden()
    await confirm(hub, pix)
    await page.get_by_role("link", name="Atualizar agora").click()
    await expect(page.get_by_role("heading")).to_have_text("Pagamento confirmado")


@pytest.mark.parametrize(
    ("lost", "copies", "updates"),
    [((), 1, 1), (("copy",), 0, 1), (("live",), 1, 0), (("say", "countdown", "copy", "live"), 0, 0)],
)
async def test_script_features_show_only_while_script_runs(hub, browse, lost, copies, updates):
    pix = await new_pix(hub)
    page = await browse()
    for name in lost:
        await page.route(
            f"**/assets/{name}.js?**", lambda route: route.fulfill(body="", content_type="text/javascript")
        )
    await page.goto(pix["payment_url"])
    await expect(page.get_by_label("Pix copia e cola")).to_have_value(pix["payload"])
    await expect(page.get_by_role("button", name="Copiar")).to_have_count(copies)
    await expect(page.get_by_text("se atualiza sozinha").filter(visible=True)).to_have_count(updates)
    await expect(page.get_by_role("link", name="Atualizar agora")).to_be_visible()


async def test_provider_pix_has_same_page_and_changes_when_paid(hub, browse):
    body = {
        "padaria_slug": "padaria-do-marcos",
        "items": [{"nome": "Pão Francês", "quantidade": 10}],
        "customer": {"email": "cliente@example.com", "name": "Cliente", "cpf": "529.982.247-25"},
    }
    status, cart = await hub.post("/payments/api/cart/", body)
    assert status == 201, cart
    page = await browse()
    await page.goto(cart["payment_url"])
    await expect(page.get_by_label("Pix copia e cola")).to_have_value(cart["pix"]["qr_code"])
    await expect(page.get_by_role("img", name="QR Code do Pix")).to_be_visible()
    assert "cliente@example.com" not in await page.content()
    await hub.sandbox("POST", "/_sandbox/pay", {"payment_id": cart["mp_payment_id"], "outcome": "in_process"})
    # A payment under review was paid, so that its code does not show again.
    await expect(page.get_by_role("heading")).to_have_text("Pagamento em análise")
    await expect(page.get_by_label("Pix copia e cola")).to_have_count(0)
    await hub.sandbox("POST", "/_sandbox/pay", {"payment_id": cart["mp_payment_id"], "outcome": "approved"})
    await expect(page.get_by_role("heading")).to_have_text("Pagamento confirmado")


async def test_merchant_text_is_never_markup(hub, browse):
    hostile = "<script>alert(1)</script><img src=x onerror=alert(2)>\"'&amp;</dd>"
    pix = await new_pix(hub, description=hostile)
    page = await browse()
    page.on("dialog", lambda dialog: pytest.fail(dialog.message))
    await page.goto(pix["payment_url"])
    await expect(page.locator(".facts dd").nth(1)).to_have_text(hostile)
    await expect(page.locator("main script")).to_have_count(0)
