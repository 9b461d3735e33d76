"""QR pictures, decoded by independent readers and parsers."""

from __future__ import annotations

import asyncio
import base64
from decimal import Decimal

import pixcanvas
import pytest
import pytest_asyncio

from tests.compatibility.claim import claim
from tests.qr_reader import read_qr
from tests.running_hub import in_good_order
from tests.starkbank_brcode import json_from_brcode

pytestmark = [pytest.mark.asyncio(loop_scope="session"), pytest.mark.xdist_group("qr")]

DEMO_KEY, DEMO_NAME, DEMO_CITY = "123e4567-e12b-12d1-a456-426655440000", "Padaria do Marcos", "Sao Paulo"
AMOUNTS = ("0.01", "0.10", "0.99", "1.00", "7.77", "10.00", "19.90", "100.00", "1234.56", "99999.99", "1000000.00")


@pytest_asyncio.fixture(loop_scope="session")
async def hub(shared_hub):
    """The worker's hub, in the event loop of the browser."""
    async with in_good_order(shared_hub) as hub:
        yield hub


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def camera(chromium):
    page = await chromium.new_page(viewport={"width": 400, "height": 400}, device_scale_factor=2)
    yield page
    await page.close()


@pytest.fixture
def photograph(camera):
    """Return a function that opens an address in Chromium and returns a screenshot as PNG."""

    async def of(address):
        answer = await camera.goto(address)
        assert answer.ok
        return await camera.screenshot()

    return of


async def new_pix(hub, value, headers=None, **more):
    status, answer = await hub.post("/payments/pix", {"value": float(value), **more}, headers)
    assert status == 201, answer
    return answer["payment"]


async def picture(hub, name, **headers):
    async with hub.session.get(f"{hub.url}/payments/pix/qr_code/{name}", headers=headers) as answer:
        return answer.status, answer.headers, await answer.read()


async def readings(hub, photograph, pix):
    """Return the decoded texts of all pictures of a Pix."""
    for name in (pix["qr_code"], pix["qr_code"] + ".png"):
        status, headers, body = await picture(hub, name)
        assert (status, headers["Content-Type"]) == (200, "image/png")
        yield read_qr(body)
    yield read_qr(await photograph(pix["qr_code_url"] + ".svg"))


def assert_parsers_read(payload, *, amount, key, name, city, txid):
    """Check a code with two independent parsers."""
    fields = json_from_brcode(payload)
    assert (fields["26"]["00"], fields["26"]["01"]) == ("br.gov.bcb.pix", key)
    assert (fields["53"], fields["58"]) == ("986", "BR")
    assert (fields["54"], fields["59"], fields["60"]) == (amount, name, city)
    assert fields["62"] == {"05": txid}
    result = pixcanvas.validate_pix(payload)
    assert (result.is_valid, result.errors, result.warnings) == (True, (), ())
    said = result.pix
    assert (said.pix_key, said.amount, said.txid) == (key, Decimal(amount), txid)
    assert (said.merchant_name, said.merchant_city) == (name.upper(), city.upper())


def txid_of(pix):
    """Return the bank's id without hyphens, cut to the length of a txid."""
    return pix["bank_payment_id"].replace("-", "").upper()[:25]


@claim("pix.qr-code", "pix.code", "pix-picture.format")
@pytest.mark.parametrize("amount", AMOUNTS)
async def test_pix_picture_decodes_to_its_code(hub, photograph, amount):
    pix = await new_pix(hub, amount)
    assert [text async for text in readings(hub, photograph, pix)] == [pix["payload"]] * 3
    assert_parsers_read(pix["payload"], amount=amount, key=DEMO_KEY, name=DEMO_NAME, city=DEMO_CITY, txid=txid_of(pix))


@claim("pix.code")
@pytest.mark.parametrize(
    ("kind", "given", "key"),
    [
        ("cpf", "529.982.247-25", "52998224725"),
        ("cnpj", "11.222.333/0001-81", "11222333000181"),
        ("phone", "(11) 98765-4321", "+5511987654321"),
        ("email", "Caixa@Padaria.Example.com.br", "caixa@padaria.example.com.br"),
        ("evp", "123E4567-E12B-12D1-A456-426655440000", "123e4567-e12b-12d1-a456-426655440000"),
    ],
)
async def test_pictures_of_all_key_kinds_and_long_names_decode(hub, photograph, kind, given, key):
    slug = f"confeitaria-{kind}"
    merchant = {"slug": slug, "name": "Confeitaria São João & Irmãos Gonçalves", "city": "São José dos Pinhais"}
    assert (await hub.administer("POST", "/admin/merchants", merchant))[0] in {200, 201}
    path = f"/admin/merchants/{slug}"
    assert (await hub.administer("PUT", f"{path}/pix-key", {"kind": kind, "key": given}))[0] == 200
    scopes = {"scopes": ["payments:write"]}
    _, issued = await hub.administer("POST", f"{path}/api-keys", scopes)
    headers = {"Authorization": f"Bearer {issued['api_key']}"}
    description = "Encomenda de aniversário: 200 brigadeiros, 100 coxinhas e um bolo de três andares"
    pix = await new_pix(hub, "123.45", headers, description=description)
    assert [text async for text in readings(hub, photograph, pix)] == [pix["payload"]] * 3
    assert_parsers_read(
        pix["payload"],
        amount="123.45",
        key=key,
        name="Confeitaria Sao Joao & Ir",
        city="Sao Jose dos Pi",
        txid=txid_of(pix),
    )


@claim("cart.code")
@pytest.mark.parametrize("amount", ["0.50", "10.00", "987.65"])
async def test_cart_picture_decodes_to_its_code(hub, amount):
    body = {
        "padaria_slug": "padaria-do-marcos",
        "items": [{"nome": "Encomenda", "quantidade": 1, "preco_unitario": float(amount)}],
        "customer": {"email": "cliente@testuser.com"},
    }
    status, created = await hub.post("/payments/api/cart/", body)
    assert status == 201, created
    code = created["pix"]["qr_code"]
    assert read_qr(base64.b64decode(created["pix"]["qr_code_base64"], validate=True)) == code
    fields, result = json_from_brcode(code), pixcanvas.validate_pix(code)
    assert (fields["26"]["00"], fields["54"]) == ("br.gov.bcb.pix", amount)
    assert (result.is_valid, result.errors) == (True, ())
    assert result.pix.amount == Decimal(amount)


@claim("pix-picture.format")
@pytest.mark.parametrize("ending", ["", ".svg"])
async def test_concurrent_requests_draw_one_picture(hub, ending):
    pix = await new_pix(hub, "2.00")
    before = await hub.metric("extrato_pictures_drawn_total")
    answers = await asyncio.gather(*(picture(hub, pix["qr_code"] + ending) for _ in range(200)))
    assert {status for status, _, _ in answers} == {200}
    assert len({body for _, _, body in answers}) == 1
    await picture(hub, pix["qr_code"] + ending)
    assert await hub.metric("extrato_pictures_drawn_total") - before == 1


@claim("pix-picture.format")
async def test_cached_picture_is_not_sent_or_drawn_again(hub):
    pix = await new_pix(hub, "3.00")
    tags = {}
    for ending in ("", ".svg"):
        _, headers, _ = await picture(hub, pix["qr_code"] + ending)
        assert "immutable" in headers["Cache-Control"]
        tags[ending] = headers["ETag"]
    assert tags[""] != tags[".svg"]
    before = await hub.metric("extrato_pictures_drawn_total")
    for ending, tag in tags.items():
        status, headers, body = await picture(hub, pix["qr_code"] + ending, **{"If-None-Match": tag})
        assert (status, headers["ETag"], body) == (304, tag, b"")
        other = tags[".svg" if ending == "" else ""]
        assert (await picture(hub, pix["qr_code"] + ending, **{"If-None-Match": other}))[0] == 200
    assert await hub.metric("extrato_pictures_drawn_total") == before


@claim("pix-picture.format")
async def test_creating_a_charge_draws_no_picture(hub):
    before = await hub.metric("extrato_pictures_drawn_total")
    await asyncio.gather(*(new_pix(hub, "4.00") for _ in range(20)))
    assert await hub.metric("extrato_pictures_drawn_total") == before


@claim("pix-picture.name")
async def test_only_full_picture_name_is_found(hub):
    pix, link = await new_pix(hub, "5.00"), await hub.link()
    name = pix["qr_code"]
    last = "0" if name[-1] != "0" else "1"
    [opened, *_] = await hub.events(link["payment_id"])
    of_link = f"qr_code_payment_{opened['data']['bank_payment_id']}"
    for other in (name[:-1], name[:-1] + last, name.upper(), name + ".gif", str(pix["id"]), of_link, "%00", "..%2fx"):
        status, _, body = await picture(hub, other)
        assert status == 404, other
        assert b"not_found" in body
