"""A merchant's frontend on its own origin works with the hub as its base URL."""

from __future__ import annotations

from typing import TYPE_CHECKING
from uuid import uuid4

import pytest
import pytest_asyncio
from aiohttp import web

from tests.compatibility.claim import claim
from tests.pace import until
from tests.ports import free_port
from tests.running_hub import MERCHANT

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from playwright.async_api import Page

pytestmark = pytest.mark.asyncio(loop_scope="session")

BLANK = '<!doctype html><meta charset="utf-8"><title>Loja</title><link rel="icon" href="data:,">'

# Creates a link, follows it with the returned URL, and creates a Pix, as a frontend does.
ORDER = """async ({ hub, key, padaria }) => {
  const headers = { "Content-Type": "application/json", ...(key && { Authorization: `Bearer ${key}` }) };
  const order = { padaria_slug: padaria, items: [{ nome: "Pão Francês", quantidade: 3 }] };
  const linked = await fetch(`${hub}/payments/api/generate-link/`, {
    method: "POST", headers: { ...headers, "Idempotency-Key": crypto.randomUUID() }, body: JSON.stringify(order),
  });
  const link = await linked.json();
  const checked = await (await fetch(link.status_check_url)).json();
  const charged = await fetch(`${hub}/payments/pix`, { method: "POST", headers, body: JSON.stringify({ value: 2.5 }) });
  const picture = await fetch((await charged.json()).payment.qr_code_url);
  const missing = await fetch(`${hub}/payments/api/check/999999/`, { headers });
  return {
    statuses: [linked.status, charged.status, picture.status, missing.status],
    checked: [checked.payment_id === link.payment_id, checked.status],
    location: charged.headers.get("Location"),
    error: (await missing.json()).error,
  };
}"""

POLL = """async ({ hub, paymentId }) => {
  const polled = await fetch(`${hub}/payments/api/check/${paymentId}/`);
  return (await polled.json()).payment_id;
}"""


FRAME = """(address) => new Promise((done) => {
  document.querySelector("iframe")?.remove();
  const frame = document.createElement("iframe");
  frame.addEventListener("load", () => done(true));
  frame.src = address;
  document.body.append(frame);
})"""


@pytest_asyncio.fixture(loop_scope="session")
async def shop(chromium) -> AsyncIterator[Page]:
    """A shop's page on a separate server that the hub does not know."""
    port = free_port()

    async def show(_: web.Request) -> web.Response:
        return web.Response(text=BLANK, content_type="text/html")

    app = web.Application()
    app.router.add_get("/", show)
    runner = web.AppRunner(app)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", port).start()
    context = await chromium.new_context()
    page = await context.new_page()
    await page.goto(f"http://localhost:{port}/")
    yield page
    await context.close()
    await runner.cleanup()


def _expect_all_went_well(results, hub) -> None:
    assert results["statuses"] == [200, 201, 200, 404]
    assert results["checked"] == [True, "pending"]
    assert results["location"].startswith(f"{hub.url}/payments/pix/")
    assert results["error"] == "Pagamento 999999 não encontrado"


@claim("addresses.origin")
async def test_foreign_origin_shop_orders_and_follows_with_key(hub, shop):
    _expect_all_went_well(await shop.evaluate(ORDER, {"hub": hub.url, "key": hub.api_key, "padaria": MERCHANT}), hub)


async def test_only_pages_of_registered_origins_frame_a_payment(hub, shop):
    slug = f"padaria-{uuid4().hex[:12]}"
    created = await hub.administer("POST", "/admin/merchants", {"slug": slug, "name": "Padaria", "city": "Recife"})
    assert created[0] == 201
    key = {"kind": "evp", "key": "9a1b6f0e-2f4b-4a53-8d0e-6a1f2b3c4d5e"}
    assert (await hub.administer("PUT", f"/admin/merchants/{slug}/pix-key", key))[0] == 200
    _, issued = await hub.administer("POST", f"/v1/api_keys?merchant={slug}", {})
    wanted = {"method": "pix", "amount_centavos": 700}
    status, payment = await hub.administer("POST", "/v1/payments", wanted, key=issued["secret"])
    assert status == 201, payment
    origin = await shop.evaluate("location.origin")
    for origins, heading in (([], None), ([origin], "Pague com Pix"), (["https://loja.example"], None)):
        changed, _ = await hub.administer("PATCH", f"/v1/merchant?merchant={slug}", {"frame_origins": origins})
        assert changed == 200

        async def is_shown_or_not(heading=heading):
            await shop.evaluate(FRAME, payment["payment_page"]["url"])
            [_, frame] = shop.frames
            headings = await frame.locator("h1").all_text_contents()
            # In place of a page that may not be framed, a browser shows an error.
            return headings == [heading] if heading else frame.url.startswith("chrome-error:")

        await until(is_shown_or_not, f"a page of {origin} shows {heading}")


@claim("addresses.origin")
@pytest.mark.xdist_group("open mode")
async def test_local_shop_needs_no_key_in_open_mode(keyless_hub, shop):
    hub = keyless_hub
    _expect_all_went_well(await shop.evaluate(ORDER, {"hub": hub.url, "key": "", "padaria": MERCHANT}), hub)
    link = await hub.link()
    asked = {"hub": hub.url, "paymentId": link["payment_id"]}
    assert await shop.evaluate(POLL, asked) == link["payment_id"]
    # A page of any other origin is rejected.
    await shop.route("http://loja.example/", lambda route: route.fulfill(body=BLANK, content_type="text/html"))
    await shop.goto("http://loja.example/")
    refused = await shop.evaluate(f"(asked) => ({POLL})(asked).then(String, String)", asked)
    assert refused != str(link["payment_id"])
