"""To the provider's checkout and back: paid, pending, left, refused, and opened again."""

from __future__ import annotations

import re

import pytest
from playwright.async_api import expect

from services.gateway.pages.refresh import REFRESH_WITHIN_S
from tests.browser.polling import POLL_MS, let_page_poll, stop_clock
from tests.compatibility.claim import claim
from tests.pace import allowed, running_s
from tests.running_hub import NO_FAULTS

pytestmark = pytest.mark.asyncio(loop_scope="session")

# Longer than a page waits for the provider.
TOO_SLOW_MS = round(REFRESH_WITHIN_S * 1000) + 1000
MARK = "() => { window.mark = 'the same document'; }"


async def at_the_checkout(page, link):
    await page.goto(link["secure_checkout_url"])
    await expect(page.get_by_role("button", name="Pagar com cartão", exact=True)).to_be_visible()


async def decided(hub, link, outcome, **more):
    return await hub.sandbox(
        "POST", "/_sandbox/pay", {"preference_id": link["preference_id"], "outcome": outcome, **more}
    )


@claim("return-page.approved", "return-page.parameters")
async def test_checkout_payment_leads_to_success_page(hub, browse):
    link = await hub.link()
    page = await browse()
    await at_the_checkout(page, link)
    await page.get_by_role("button", name="Pagar com cartão", exact=True).click()
    await expect(page.get_by_role("heading")).to_have_text("Pagamento aprovado")
    assert page.url.startswith(f"{hub.url}/payments/mp/return/")
    await expect(page.locator("header")).to_have_text("Padaria do Marcos")
    await expect(page.locator(".amount")).to_have_text("R$ 5,00")
    await expect(page.locator(".facts")).to_contain_text("Pago em")


async def test_success_page_does_not_wait_for_lagging_search(hub, browse):
    await hub.faults(webhooks=False, search_lag_ms=60_000)
    link = await hub.link()
    page = await browse(java_script_enabled=False)
    await at_the_checkout(page, link)
    await page.get_by_role("button", name="Pagar com cartão", exact=True).click()
    await expect(page.get_by_role("heading")).to_have_text("Pagamento aprovado")


@claim("return-page.pending", "return-page.refreshes")
@pytest.mark.parametrize("way", ["Gerar Pix", "Gerar boleto"])
async def test_pending_return_page_changes_when_paid(hub, browse, way):
    link = await hub.link()
    page = await browse()
    await at_the_checkout(page, link)
    await page.get_by_role("button", name=way).click()
    await page.get_by_role("link", name="Voltar à loja").click()
    await expect(page.get_by_role("heading")).to_have_text("Aguardando a confirmação")
    await expect(page.locator(".facts")).to_contain_text("Pendente")
    await page.evaluate(MARK)
    await decided(hub, link, "approved")
    await expect(page.get_by_role("heading")).to_have_text("Pagamento aprovado")
    assert await page.evaluate("window.mark") == "the same document"


async def test_checkout_pix_is_paid_at_checkout(hub, browse):
    link = await hub.link()
    page = await browse(java_script_enabled=False)
    await at_the_checkout(page, link)
    await page.get_by_role("button", name="Gerar Pix").click()
    await expect(page.get_by_label("Pix copia e cola")).to_be_visible()
    await page.get_by_role("button", name="Pagar agora").click()
    await page.get_by_role("link", name="Voltar à loja").click()
    await expect(page.get_by_role("heading")).to_have_text("Pagamento aprovado")
    assert page.url.startswith(f"{hub.url}/payments/mp/return/")


@claim("return-page.refreshes")
async def test_page_without_socket_polls_and_changes(hub, browse):
    link = await hub.link()
    page, asked = await browse(), []
    page.on("request", lambda request: asked.append(request.url) if request.resource_type == "fetch" else None)
    await page.clock.install()
    await page.route_web_socket("**/ws?**", lambda socket: socket.close())
    await at_the_checkout(page, link)
    await page.get_by_role("button", name="Gerar Pix").click()
    await page.get_by_role("link", name="Voltar à loja").click()
    await expect(page.get_by_role("heading")).to_have_text("Aguardando a confirmação")
    assert page.url.startswith(f"{hub.url}/payments/mp/return/")
    await page.evaluate(MARK)
    await decided(hub, link, "approved")
    await hub.until_checked(link["payment_id"], status="approved")
    await let_page_poll(page)
    await expect(page.get_by_role("heading")).to_have_text("Pagamento aprovado")
    assert set(asked) == {page.url}
    assert await page.evaluate("window.mark") == "the same document"


async def test_open_page_takes_next_token_without_redraw(hub, browse, until):
    link = await hub.link()
    page = await browse()
    await page.goto(f"{hub.url}/payments/mp/return/?external_reference={link['external_reference']}")
    button = page.get_by_role("link", name="Pagar agora")
    first = await button.get_attribute("href")
    await page.evaluate("() => { document.querySelector('main').mark = 'the same'; }")

    async def has_changed():
        await page.evaluate("document.dispatchEvent(new Event('extrato:ask'))")
        return await button.get_attribute("href") != first

    # A token contains the second of its expiry.
    await until(has_changed, "the page has the next token")
    assert await page.evaluate("document.querySelector('main').mark") == "the same"
    token = (await button.get_attribute("href")).partition("?t=")[2]
    assert (await page.locator("main").get_attribute("data-socket")).endswith(f"&t={token}")


@claim("return-page.refreshes")
async def test_page_with_socket_polls_every_thirty_seconds(hub, browse, until):
    link = await hub.link()
    page, asked, answered, heard = await browse(), [], [], []
    page.on("websocket", lambda socket: socket.on("framereceived", lambda _: heard.append(True)))
    await page.clock.install()
    address = f"{hub.url}/payments/mp/return/?external_reference={link['external_reference']}"
    await page.goto(address)
    page.on("request", lambda request: asked.append(request) if request.url == address else None)
    page.on("requestfinished", lambda request: answered.append(request) if request.url == address else None)

    async def let_a_second_pass():
        await page.clock.run_for(1_000)
        # The page's earlier requests are known when this one is answered.
        await page.evaluate("fetch('/healthz')")

    await until(lambda: heard, "the socket has sent its snapshot")
    await stop_clock(page)
    # The first poll was due before the socket opened.
    for _ in range(POLL_MS // 1_000):
        if not asked:
            await let_a_second_pass()
    await until(lambda: answered, "the page polled")
    for _ in range(25):
        await let_a_second_pass()
    assert len(asked) == 1
    for _ in range(6):
        await let_a_second_pass()
    assert len(asked) == 2


@claim("status.in-process")
async def test_card_under_review_waits_then_changes(hub, browse):
    link = await hub.link()
    page = await browse()
    await at_the_checkout(page, link)
    await page.get_by_role("button", name="em análise").click()
    await expect(page.get_by_role("heading")).to_have_text("Pagamento em análise")
    await expect(page.locator(".facts")).to_contain_text("Em Processamento")
    # A payer whose card is under review gets no way to pay again.
    await expect(page.locator("main .button")).to_have_count(0)
    await decided(hub, link, "approved")
    await expect(page.get_by_role("heading")).to_have_text("Pagamento aprovado")


async def test_open_page_shows_partial_payment_and_no_way_to_pay(hub, browse, until):
    link = await hub.link()
    page, heard, asked = await browse(), [], []
    page.on("websocket", lambda socket: socket.on("framereceived", lambda _: heard.append(True)))
    await page.clock.install()
    address = f"{hub.url}/payments/mp/return/?external_reference={link['external_reference']}"
    await page.goto(address)
    page.on("requestfinished", lambda request: asked.append(request) if request.url == address else None)
    await expect(page.get_by_role("link", name="Pagar agora")).to_be_visible()
    await page.evaluate(MARK)

    async def has(list_, length):
        return len(list_) == length

    await until(lambda: has(heard, 1), "the socket has sent its snapshot")
    # The page has just polled and polls again in half a minute: until then only the socket can report.
    await page.clock.run_for(POLL_MS)
    await until(lambda: has(asked, 1), "the page polled")
    await decided(hub, link, "approved", new_attempt=True, amount=2.00)
    await expect(page.get_by_role("heading")).to_have_text("Pagamento incompleto")
    await expect(page.get_by_role("status")).to_contain_text("Pagamento incompleto")
    for fact in ("Incompleto", "RecebidoR$ 2,00", "FaltaR$ 3,00"):
        await expect(page.locator(".facts")).to_contain_text(fact)
    await expect(page.locator("main .actions, main .button, main textarea")).to_have_count(0)
    assert await page.evaluate("window.mark") == "the same document"
    # A part keeps the status `pending`, and the checkout does not open again.
    assert (await hub.check(link["payment_id"]))["status"] == "pending"
    await page.goto(link["secure_checkout_url"])
    await expect(page.get_by_role("heading")).to_have_text("Pagamento incompleto")
    assert page.url == link["secure_checkout_url"]
    await decided(hub, link, "approved", new_attempt=True, amount=3.00)
    await expect(page.get_by_role("heading")).to_have_text("Pagamento já realizado")


async def test_leaving_checkout_unpaid_offers_to_pay(hub, browse):
    link = await hub.link()
    page = await browse()
    await at_the_checkout(page, link)
    await page.get_by_role("button", name="Voltar à loja").click()
    await expect(page.get_by_role("heading")).to_have_text("Nenhum pagamento recebido ainda")
    # A payer whose payment is not known yet must not be urged to pay.
    await expect(page.get_by_text("Se você já pagou, não pague de novo")).to_be_visible()
    again = page.get_by_role("link", name="Pagar agora")
    await expect(again).to_have_class("button quiet")
    await again.click()
    await page.get_by_role("button", name="Pagar com cartão", exact=True).click()
    await expect(page.get_by_role("heading")).to_have_text("Pagamento aprovado")


@claim("status.rejected", "secure-link.pending", "return-page.rejected")
async def test_refused_card_keeps_link_open(hub, browse):
    link = await hub.link()
    page = await browse()
    await at_the_checkout(page, link)
    await page.get_by_role("button", name="será recusado").click()
    await expect(page.get_by_role("heading")).to_have_text("Pagamento não aprovado")
    await page.get_by_role("link", name="Tentar de novo").click()
    await page.get_by_role("button", name="Pagar com cartão", exact=True).click()
    await expect(page.get_by_role("heading")).to_have_text("Pagamento aprovado")


@claim("return-page.refreshes")
async def test_waiting_page_refreshes_without_script(hub, browse):
    link = await hub.link()
    page = await browse(java_script_enabled=False)
    await at_the_checkout(page, link)
    await page.get_by_role("button", name="Gerar Pix").click()
    await page.get_by_role("link", name="Voltar à loja").click()
    await expect(page.get_by_role("heading")).to_have_text("Aguardando a confirmação")
    await decided(hub, link, "approved")
    await hub.until_checked(link["payment_id"], status="approved")
    await page.get_by_role("link", name="Atualizar agora").click()
    await expect(page.get_by_role("heading")).to_have_text("Pagamento aprovado")


@claim("secure-link.paid")
async def test_paid_link_does_not_open_checkout(hub, browse):
    link = await hub.link()
    page = await browse()
    await at_the_checkout(page, link)
    await page.get_by_role("button", name="Pagar com cartão", exact=True).click()
    await expect(page.get_by_role("heading")).to_have_text("Pagamento aprovado")
    # A payment that is known as paid needs no call, which would take longer.
    await hub.faults(latency_ms=10_000)
    opened_at = running_s()
    again = await page.goto(link["secure_checkout_url"])
    assert running_s() - opened_at < allowed(REFRESH_WITHIN_S)
    assert again.status == 200
    await expect(page.get_by_role("heading")).to_have_text("Pagamento já realizado")


@claim("secure-link.looks")
async def test_link_asks_provider_before_it_opens_checkout(hub, browse):
    await hub.faults(webhooks=False)
    link = await hub.link()
    await decided(hub, link, "approved")
    page = await browse()
    await page.goto(link["secure_checkout_url"])
    await expect(page.get_by_role("heading")).to_have_text("Pagamento já realizado")


@claim("secure-link.looks")
async def test_unanswered_provider_call_does_not_delay_page(hub, browse):
    link = await hub.link()
    await hub.faults(latency_ms=TOO_SLOW_MS)
    page = await browse()
    await page.goto(f"{hub.url}/payments/mp/return/?external_reference={link['external_reference']}", timeout=6_000)
    await expect(page.get_by_role("heading")).to_have_text("Conferindo o pagamento")
    await expect(page.locator("main .button")).to_have_count(0)
    # Once the provider answers, an unpaid payment gets the link to pay.
    await hub.faults(latency_ms=0)
    await expect(page.get_by_role("heading")).to_have_text("Nenhum pagamento recebido ainda")


@claim("return-page.shows")
@pytest.mark.parametrize("fault", [{"latency_ms": TOO_SLOW_MS}, {"error_rate": 1}], ids=["slow", "away"])
async def test_returning_payer_gets_no_offer_before_provider_answers(hub, browse, fault):
    await hub.faults(webhooks=False)
    link = await hub.link()
    paid = await decided(hub, link, "approved")
    await hub.faults(**fault)
    page = await browse()
    query = f"external_reference={link['external_reference']}&payment_id={paid['id']}&collection_id={paid['id']}"
    await page.goto(f"{hub.url}/payments/mp/return/?{query}")
    await expect(page.get_by_role("heading")).to_have_text("Conferindo o pagamento")
    await expect(page.get_by_text("não pague de novo")).to_be_visible()
    await expect(page.locator("main .button")).to_have_count(0)
    await hub.faults(**NO_FAULTS)
    await expect(page.get_by_role("heading")).to_have_text("Pagamento aprovado")


async def test_unknown_attempt_gets_no_offer_to_pay_again(hub, browse):
    link = await hub.link()
    page = await browse()
    query = f"external_reference={link['external_reference']}&collection_id=99"
    await page.goto(f"{hub.url}/payments/mp/return/?{query}")
    await expect(page.get_by_role("heading")).to_have_text("Conferindo o pagamento")
    await expect(page.locator("main .button")).to_have_count(0)


@claim("secure-link.pending")
async def test_link_under_review_does_not_open_checkout(hub, browse):
    link = await hub.link()
    page = await browse()
    await decided(hub, link, "in_process")
    assert (await page.goto(link["secure_checkout_url"])).status == 200
    await expect(page.get_by_role("heading")).to_have_text("Pagamento em análise")
    assert page.url == link["secure_checkout_url"]
    await expect(page.locator("main .button")).to_have_count(0)
    await decided(hub, link, "approved")
    await expect(page.get_by_role("heading")).to_have_text("Pagamento já realizado")


async def test_refusal_after_review_shows_before_checkout_opens(hub, browse):
    link = await hub.link()
    page = await browse()
    reviewed = await decided(hub, link, "in_process")
    await page.goto(link["secure_checkout_url"])
    await expect(page.get_by_role("heading")).to_have_text("Pagamento em análise")
    await hub.sandbox("POST", "/_sandbox/pay", {"payment_id": reviewed["id"], "outcome": "rejected"})
    await expect(page.get_by_role("heading")).to_have_text("Pagamento não aprovado")
    await page.get_by_role("link", name="Tentar de novo").click()
    await expect(page.get_by_role("button", name="Pagar com cartão", exact=True)).to_be_visible()


async def test_unpaid_code_leads_back_to_checkout(hub, browse):
    link = await hub.link()
    await decided(hub, link, "pending")
    page = await browse()
    await at_the_checkout(page, link)


async def test_refused_card_shows_beside_waiting_pix(hub, browse):
    link = await hub.link()
    page = await browse()
    await decided(hub, link, "pending")
    await at_the_checkout(page, link)
    await page.get_by_role("button", name="será recusado").click()
    await expect(page.get_by_role("heading")).to_have_text("Aguardando a confirmação")
    await expect(page.get_by_text("O cartão não foi aprovado.")).to_be_visible()
    await expect(page.get_by_role("link", name="Ver o Pix ou o boleto de novo")).to_be_visible()


async def test_preparing_page_becomes_payable(hub, log_writer, browse):
    pix, link = await browse(), await browse()
    await pix.goto(await log_writer.open_without_charge(method="pix"))
    await link.goto(await log_writer.open_without_charge(method="checkout"))
    for page in (pix, link):
        await expect(page.get_by_role("heading")).to_have_text("Preparando a cobrança")
    await pix.evaluate(MARK)
    await hub.faults(error_rate=0)
    # Earlier failures of this account may have grown the monitor's pause to a minute.
    await expect(pix.get_by_role("heading")).to_have_text("Pague com Pix", timeout=90_000)
    await expect(pix.get_by_label("Pix copia e cola")).to_be_visible()
    assert await pix.evaluate("window.mark") == "the same document"
    await expect(link.get_by_role("button", name="Pagar com cartão", exact=True)).to_be_visible(timeout=90_000)


@claim("secure-link.pending")
async def test_requested_cancellation_does_not_open_checkout(hub, browse):
    link = await hub.link()
    await hub.faults(error_rate=1)
    assert (await hub.post(f"/payments/api/{link['payment_id']}/cancel/", {}))[0] == 202
    page = await browse()
    assert (await page.goto(link["secure_checkout_url"])).status == 200
    await expect(page.get_by_role("heading")).to_have_text("Cobrança sendo cancelada")
    await expect(page.locator("main .button")).to_have_count(0)
    await hub.faults(error_rate=0)
    await expect(page.get_by_role("heading")).to_have_text("Link cancelado", timeout=40_000)


async def test_paid_page_refreshes_when_payer_returns_to_it(hub, browse):
    link = await hub.link()
    page = await browse()
    await decided(hub, link, "approved")
    await page.goto(f"{hub.url}/payments/mp/return/?external_reference={link['external_reference']}")
    await expect(page.get_by_role("heading")).to_have_text("Pagamento aprovado")
    await decided(hub, link, "refunded")
    await hub.until_checked(link["payment_id"], status="refunded")
    await page.evaluate("document.dispatchEvent(new Event('visibilitychange'))")
    await expect(page.get_by_role("heading")).to_have_text("Pagamento devolvido")


@claim("secure-link.closed")
async def test_expired_link_shows_expired(hub, log_writer, browse, until):
    address = await log_writer.open(method="checkout", lifetime_s=3)

    async def is_over():
        async with hub.session.get(address, allow_redirects=False) as answer:
            return answer.status == 410

    await until(is_over, "the link is over")
    page = await browse()
    assert (await page.goto(address)).status == 410
    await expect(page.get_by_role("heading")).to_have_text("Link expirado")
    await expect(page.locator("main .button")).to_have_count(0)


@claim("secure-link.closed")
async def test_link_shows_expired_only_after_provider_answers(hub, log_writer, browse, until):
    address = await log_writer.open(method="checkout", lifetime_s=3)
    await hub.faults(error_rate=1)

    async def is_over():
        async with hub.session.get(address, allow_redirects=False) as answer:
            return answer.status == 200

    await until(is_over, "its deadline is over")
    page = await browse()
    await page.goto(address)
    await expect(page.get_by_role("heading")).to_have_text("Conferindo o pagamento")
    await expect(page.get_by_text("não pague agora")).to_be_visible()
    await hub.faults(error_rate=0)
    await expect(page.get_by_role("heading")).to_have_text("Link expirado")


@claim("secure-link.closed")
async def test_cancelled_link_shows_cancelled(hub, browse):
    link = await hub.link()
    status, answer = await hub.post(f"/payments/api/{link['payment_id']}/cancel/", {})
    assert status == 200, answer
    page = await browse()
    assert (await page.goto(link["secure_checkout_url"])).status == 410
    await expect(page.get_by_role("heading")).to_have_text("Link cancelado")


@claim("return-page.records")
async def test_return_page_ignores_status_in_its_address(hub, browse):
    link = await hub.link()
    lies = f"collection_status=approved&status=approved&payment_id=99&external_reference={link['external_reference']}"
    page = await browse()
    await page.goto(f"{hub.url}/payments/mp/return/?{lies}")
    await expect(page.get_by_role("heading")).to_have_text("Conferindo o pagamento")
    assert (await hub.check(link["payment_id"]))["status"] == "pending"


@claim("return-page.parameters")
async def test_return_page_opens_by_number_and_token(hub, browse):
    link = await hub.link()
    token = re.search(r"t=(\w+)", link["secure_checkout_url"])[1]
    page = await browse()
    await page.goto(f"{hub.url}/payments/mp/return/?status=approved&payment_id={link['payment_id']}&t={token}")
    await expect(page.get_by_role("heading")).to_have_text("Nenhum pagamento recebido ainda")
