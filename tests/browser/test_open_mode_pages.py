"""Open mode: a frontend for the reference system works with the hub unchanged."""

from __future__ import annotations

import pytest
import pytest_asyncio
from playwright.async_api import expect

from tests.compatibility.claim import claim

pytestmark = [pytest.mark.asyncio(loop_scope="session"), pytest.mark.xdist_group("open mode")]

# Its documentation, "Fluxo Recomendado para Frontend", "Opção 1: Polling (Mais Simples)".
SNIPPET = """
// Após gerar o link, salve o payment_id
const paymentId = response.payment_id;

// Faça polling a cada 5 segundos
const interval = setInterval(async () => {
    const status = await fetch(`/payments/api/check/${paymentId}/`);
    const data = await status.json();
    
    if (data.status === 'approved') {
        clearInterval(interval);
        showSuccessMessage("Pagamento aprovado! ✅");
    } else if (['rejected', 'cancelled'].includes(data.status)) {
        clearInterval(interval);
        showErrorMessage("Pagamento não foi aprovado ❌");
    }
}, 5000);

// Timeout após 10 minutos
setTimeout(() => clearInterval(interval), 600000);
"""  # noqa: W293 - as it stands there

SHOP = """<!doctype html><meta charset="utf-8"><title>Loja</title><link rel="icon" href="data:,"><script>
const response = {"payment_id": PAYMENT_ID};
const shown = [];
function showSuccessMessage(message) { shown.push(["success", message]); }
function showErrorMessage(message) { shown.push(["error", message]); }
SNIPPET</script>"""


@pytest_asyncio.fixture(loop_scope="session")
async def page(chromium):
    context = await chromium.new_context()
    yield await context.new_page()
    await context.close()


@claim("flows.poll")
async def test_reference_polling_snippet_sees_approval(keyless_hub, page):
    link = await keyless_hub.link()
    complaints = []
    page.on("console", lambda message: complaints.append(message.text))
    page.on("pageerror", lambda error: complaints.append(str(error)))
    text = SHOP.replace("PAYMENT_ID", str(link["payment_id"])).replace("SNIPPET", SNIPPET)
    await page.route(f"{keyless_hub.url}/loja", lambda route: route.fulfill(body=text, content_type="text/html"))
    await page.goto(f"{keyless_hub.url}/loja")
    await keyless_hub.sandbox("POST", "/_sandbox/pay", {"preference_id": link["preference_id"], "outcome": "approved"})
    await page.wait_for_function("shown.length > 0", timeout=15_000)
    assert await page.evaluate("shown") == [["success", "Pagamento aprovado! ✅"]]
    assert complaints == []


@claim("pix-page.paid")
async def test_reference_addresses_open_without_token_and_update(keyless_hub, page):
    """Pages of `/payments/pix/<id>`, `/payments/mp/pay/<id>/` and `/payments/mp/return/?status=…&payment_id=<id>`."""
    pix = (await keyless_hub.post("/payments/pix", {"value": 7}))[1]["payment"]
    await page.goto(f"{keyless_hub.url}/payments/pix/{pix['id']}")
    confirmation = {"bank_payment_id": pix["bank_payment_id"], "value": 7}
    assert (await keyless_hub.post("/payments/pix/confirmation", confirmation))[0] == 200
    await expect(page.get_by_role("heading")).to_have_text("Pagamento confirmado")
    link = await keyless_hub.link()
    await page.goto(f"{keyless_hub.url}/payments/mp/return/?status=approved&payment_id={link['payment_id']}")
    await expect(page.get_by_role("heading")).to_have_text("Nenhum pagamento recebido ainda")
    await page.goto(f"{keyless_hub.url}/payments/mp/pay/{link['payment_id']}/")
    assert page.url == link["checkout_url"]
