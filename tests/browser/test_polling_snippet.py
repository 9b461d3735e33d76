"""The reference's own polling, word for word, on a page of the same origin."""

from __future__ import annotations

import pytest

pytestmark = pytest.mark.asyncio(loop_scope="session")

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
const told = [];
function showSuccessMessage(message) { told.push(["success", message]); }
function showErrorMessage(message) { told.push(["error", message]); }
SNIPPET</script>"""


async def test_the_references_polling_snippet_sees_the_approval(home, start_hub, chromium):
    async with start_hub(home, EXTRATO_AUTH="open") as hub:
        link = await hub.link()
        context = await chromium.new_context()
        page = await context.new_page()
        complaints = []
        page.on("console", lambda message: complaints.append(message.text))
        page.on("pageerror", lambda error: complaints.append(str(error)))
        text = SHOP.replace("PAYMENT_ID", str(link["payment_id"])).replace("SNIPPET", SNIPPET)
        await page.route(f"{hub.url}/loja", lambda route: route.fulfill(body=text, content_type="text/html"))
        await page.goto(f"{hub.url}/loja")
        await hub.sandbox("POST", "/_sandbox/pay", {"preference_id": link["preference_id"], "outcome": "approved"})
        await page.wait_for_function("told.length > 0", timeout=15_000)
        assert await page.evaluate("told") == [["success", "Pagamento aprovado! ✅"]]
        assert complaints == []
        await context.close()
