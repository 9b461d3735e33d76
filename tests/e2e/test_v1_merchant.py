"""`/v1/merchant`: what payers see of a merchant, its web origins, and its logo."""

from __future__ import annotations

import asyncio
from io import BytesIO

import pytest
from PIL import Image

from services.gateway.workers.logo_process import MAX_PIXELS, MAX_UPLOAD_BYTES
from tests.compatibility.claim import claim

EMPTY = {
    "colour": None,
    "document": None,
    "document_type": None,
    "contact": {"phone": None, "whatsapp": None, "email": None},
    "logo": None,
    "return_origins": [],
    "frame_origins": [],
}


def picture(kind: str = "PNG", size: tuple[int, int] = (600, 300), colour: str = "red") -> bytes:
    stream = BytesIO()
    Image.new("RGB", size, colour).save(stream, kind)
    return stream.getvalue()


@pytest.fixture
def shop(hub, other_merchant):
    """The hub, called with the administrator's key of a merchant of this test."""
    return hub.acting_for(other_merchant.slug, other_merchant.admin_key)


async def ask(shop, method, path="/v1/merchant", *, headers=None, **sent):
    async with shop.session.request(
        method, shop.url + path, headers={**shop.headers, **(headers or {})}, **sent
    ) as got:
        return got, await got.json(content_type=None) if got.status != 304 else None


async def put(shop, body, media_type="image/png", **headers):
    return await ask(shop, "PUT", "/v1/merchant/logo", data=body, headers={"Content-Type": media_type, **headers})


async def faults(shop, change):
    answer, problem = await ask(shop, "PATCH", json=change)
    assert answer.status == 400, problem
    return [(fault["pointer"], fault["code"]) for fault in problem["errors"]]


# --- profile --------------------------------------------------------------------------------------


async def test_new_merchant_has_only_its_name(shop):
    answer, merchant = await ask(shop, "GET")
    assert answer.status == 200
    created_at = merchant.pop("created_at")
    assert created_at.endswith("Z")
    named = {"object": "merchant", "id": shop.merchant, "name": "Padaria da Ana", "city": "Recife"}
    assert merchant == {**named, **EMPTY}


async def test_change_is_shown_in_its_normal_form(shop):
    change = {
        "name": "Padaria da Ana e Filhas",
        "colour": "#AA3300",
        "document": "11.444.777/0001-61",
        "contact": {"whatsapp": "(81) 98765-4321", "email": "Loja@Padaria.example"},
        "return_origins": ["https://Loja.example:443", "http://localhost:3000"],
    }
    answer, changed = await ask(shop, "PATCH", json=change)
    assert answer.status == 200
    assert {name: changed[name] for name in ("name", "city", "colour", "document", "document_type")} == {
        "name": "Padaria da Ana e Filhas",
        "city": "Recife",
        "colour": "#aa3300",
        "document": "11444777000161",
        "document_type": "cnpj",
    }
    assert changed["contact"] == {"phone": None, "whatsapp": "+5581987654321", "email": "loja@padaria.example"}
    assert changed["return_origins"] == ["http://localhost:3000", "https://loja.example"]

    after = {"Extrato-After": answer.headers["Extrato-Position"]}
    read, merchant = await ask(shop, "GET", headers=after)
    assert (read.status, merchant) == (200, changed)


async def test_field_that_is_not_sent_stays_and_null_removes_it(shop):
    await ask(shop, "PATCH", json={"colour": "#000000", "contact": {"phone": "8133334444", "email": "a@b.example"}})
    _, changed = await ask(shop, "PATCH", json={"document": "529.982.247-25", "contact": {"email": None}})
    assert (changed["colour"], changed["document_type"]) == ("#000000", "cpf")
    assert changed["contact"] == {"phone": "+558133334444", "whatsapp": None, "email": None}
    _, changed = await ask(shop, "PATCH", json={"colour": None, "document": None, "contact": {"phone": None}})
    assert {name: changed[name] for name in EMPTY} == EMPTY


async def test_repeated_change_records_nothing(shop):
    change = {"name": "Ana", "colour": "#000000", "return_origins": ["https://loja.example"]}
    first, _ = await ask(shop, "PATCH", json=change)
    before = await shop.topics(shop.merchant, of="Merchant")
    again, _ = await ask(shop, "PATCH", json=change)
    nothing, _ = await ask(shop, "PATCH", json={})
    assert {each.headers["Extrato-Position"] for each in (first, again, nothing)} == {first.headers["Extrato-Position"]}
    assert await shop.topics(shop.merchant, of="Merchant") == before
    assert before == [
        "MerchantRegistered.v1",
        "MerchantRenamed.v1",
        "MerchantProfileChanged.v1",
        "MerchantOriginsSet.v1",
    ]


async def test_all_faults_of_a_change_are_in_one_problem_and_nothing_is_kept(shop):
    change = {
        "nome": "x",
        "name": "🥖",
        "city": None,
        "colour": "red",
        "document": "529.982.247-24",
        "contact": {"phone": "+1 202 555 0123", "whatsapp": 5, "email": "a", "fax": "1"},
        "return_origins": ["https://loja.example/back", "http://loja.example", "https://ok.example"],
        "frame_origins": ["https://user@loja.example"],
    }
    assert await faults(shop, change) == [
        ("/nome", "unknown_field"),
        ("/contact/fax", "unknown_field"),
        ("/name", "invalid_merchant"),
        ("/city", "invalid_merchant"),
        ("/colour", "invalid_colour"),
        ("/document", "invalid_document"),
        ("/contact/phone", "invalid_phone"),
        ("/contact/whatsapp", "invalid_phone"),
        ("/contact/email", "invalid_email"),
        ("/return_origins/0", "invalid_origin"),
        ("/return_origins/1", "invalid_origin"),
        ("/frame_origins/0", "invalid_origin"),
    ]
    assert await shop.topics(shop.merchant, of="Merchant") == ["MerchantRegistered.v1"]


@pytest.mark.parametrize(
    ("change", "fault"),
    [
        ({"contact": None}, ("/contact", "not_an_object")),
        ({"contact": "x"}, ("/contact", "not_an_object")),
        ({"return_origins": None}, ("/return_origins", "invalid_origin")),
        ({"return_origins": "https://loja.example"}, ("/return_origins", "invalid_origin")),
        ({"return_origins": [None]}, ("/return_origins/0", "invalid_origin")),
        (
            {"frame_origins": [f"https://l{number}.example" for number in range(21)]},
            ("/frame_origins", "too_many_origins"),
        ),
        ({"document": ""}, ("/document", "invalid_document")),
        ({"document": 52998224725}, ("/document", "invalid_document")),
        ({"name": "a" * 121}, ("/name", "invalid_merchant")),
        ({"name": "  "}, ("/name", "invalid_merchant")),
        ({"logo": None}, ("/logo", "unknown_field")),
    ],
)
async def test_value_of_another_form_is_refused(shop, change, fault):
    assert await faults(shop, change) == [fault]


async def test_fault_is_explained_in_the_callers_language(shop):
    headers = {"Accept-Language": "pt-BR"}
    _, problem = await ask(shop, "PATCH", json={"contact": {"phone": "1"}}, headers=headers)
    assert problem["detail"] == "O campo 'phone' deve ser um telefone brasileiro com DDD, como +55 11 98765-4321"


async def test_key_of_the_hub_names_the_merchant(hub, other_merchant):
    asker = hub.acting_for(other_merchant.slug, hub.admin_key)
    answer, merchant = await ask(asker, "GET", f"/v1/merchant?merchant={other_merchant.slug}")
    assert (answer.status, merchant["id"]) == (200, other_merchant.slug)
    answer, problem = await ask(asker, "GET")
    assert (answer.status, problem["code"]) == (400, "missing_merchant")
    answer, problem = await ask(asker, "GET", "/v1/merchant?merchant=extrato")
    assert (answer.status, problem["code"]) == (404, "unknown_merchant")


async def test_shops_key_may_not_change_the_merchant(hub, other_merchant):
    asker = hub.acting_for(other_merchant.slug, other_merchant.api_key)
    answer, problem = await ask(asker, "PATCH", json={"colour": "#000000"})
    assert (answer.status, problem["code"]) == (403, "forbidden")


async def test_known_merchant_is_not_sent_again(shop):
    answer, _ = await ask(shop, "GET")
    tag = {"If-None-Match": answer.headers["ETag"]}
    assert (await ask(shop, "GET", headers=tag))[0].status == 304
    await ask(shop, "PATCH", json={"colour": "#000000"})
    assert (await ask(shop, "GET", headers=tag))[0].status == 200


# --- logo -----------------------------------------------------------------------------------------


@claim("logos.digest")
@pytest.mark.parametrize("kind", ["PNG", "JPEG", "WEBP"])
async def test_logo_is_redrawn_and_served_to_everybody(shop, kind):
    answer, merchant = await put(shop, picture(kind), f"image/{kind.lower()}")
    logo = merchant["logo"]
    assert (answer.status, logo["width"], logo["height"]) == (200, 512, 256)
    async with shop.session.get(logo["url"]) as shown:
        body = await shown.read()
    assert (shown.status, shown.content_type) == (200, logo["media_type"])
    assert Image.open(BytesIO(body)).size == (512, 256)
    assert shown.headers["Cache-Control"] == "public, max-age=31536000, immutable"
    assert shown.headers["X-Content-Type-Options"] == "nosniff"
    assert shown.headers["Content-Security-Policy"] == "default-src 'none'; sandbox"
    async with shop.session.get(logo["url"], headers={"If-None-Match": shown.headers["ETag"]}) as again:
        assert again.status == 304


async def test_same_logo_records_nothing(shop):
    first, merchant = await put(shop, picture())
    again, repeated = await put(shop, picture())
    assert merchant == repeated
    assert first.headers["Extrato-Position"] == again.headers["Extrato-Position"]
    assert await shop.topics(shop.merchant, of="MerchantLogo") == ["MerchantLogoSet.v1"]


@claim("logos.digest")
async def test_removed_logo_is_deleted(shop):
    # No other test has this picture, which two merchants would share.
    _, merchant = await put(shop, picture(colour="teal"))
    url = merchant["logo"]["url"]
    for _ in range(2):
        answer, merchant = await ask(shop, "DELETE", "/v1/merchant/logo")
        assert (answer.status, merchant["logo"]) == (200, None)
    async with shop.session.get(url) as shown:
        assert shown.status == 404
    assert await shop.topics(shop.merchant, of="MerchantLogo") == ["MerchantLogoSet.v1", "MerchantLogoRemoved.v1"]


async def test_earlier_logo_stays_at_its_address(shop):
    _, first = await put(shop, picture(colour="red"))
    _, second = await put(shop, picture(colour="blue"))
    assert first["logo"]["url"] != second["logo"]["url"]
    async with shop.session.get(first["logo"]["url"]) as shown:
        assert shown.status == 200


async def test_shown_logo_is_never_missing(shop):
    async def removed():
        return await ask(shop, "DELETE", "/v1/merchant/logo")

    for _ in range(5):
        await asyncio.gather(put(shop, picture(colour="navy")), removed(), removed())
        _, merchant = await ask(shop, "GET")
        if merchant["logo"] is not None:
            async with shop.session.get(merchant["logo"]["url"]) as shown:
                assert shown.status == 200


def bomb() -> bytes:
    stream = BytesIO()
    Image.new("1", (MAX_PIXELS // 1000 + 1, 1000)).save(stream, "PNG")
    return stream.getvalue()


@pytest.mark.parametrize(
    ("body", "media_type", "status", "code"),
    [
        (b"", "image/png", 400, "invalid_logo"),
        (b"<svg xmlns='http://www.w3.org/2000/svg'/>", "image/png", 400, "invalid_logo"),
        (b"<svg xmlns='http://www.w3.org/2000/svg'/>", "image/svg+xml", 415, "unsupported_media_type"),
        (picture("GIF"), "image/png", 400, "invalid_logo"),
        (picture()[:500], "image/png", 400, "invalid_logo"),
        (bomb(), "image/png", 400, "invalid_logo"),
        (picture(), "application/json", 415, "unsupported_media_type"),
        (picture() + bytes(MAX_UPLOAD_BYTES), "image/png", 413, "body_too_large"),
    ],
    ids=["empty", "svg-as-png", "svg", "gif", "damaged", "bomb", "json", "long"],
)
async def test_what_is_no_logo_is_refused_and_not_kept(shop, body, media_type, status, code):
    answer, problem = await put(shop, body, media_type)
    assert (answer.status, problem["code"]) == (status, code)
    assert (await ask(shop, "GET"))[1]["logo"] is None
    assert await shop.rows("SELECT count(*) FROM logos WHERE merchant = $1", shop.merchant) == [(0,)]


async def test_longest_upload_is_accepted(shop):
    answer, _ = await put(shop, picture() + bytes(MAX_UPLOAD_BYTES - len(picture())))
    assert answer.status == 200


async def test_compressed_logo_is_refused(shop):
    answer, problem = await put(shop, picture(), **{"Content-Encoding": "gzip"})
    assert (answer.status, problem["code"]) == (415, "unsupported_media_type")


@pytest.mark.parametrize("name", ["x", "0" * 64, "0" * 64 + ".png", "0" * 64 + ".svg", "A" * 64 + ".png"])
async def test_unknown_logo_is_missing(hub, name):
    async with hub.session.get(f"{hub.url}/logos/{name}") as shown:
        assert shown.status == 404


async def test_logo_has_one_address(shop):
    _, merchant = await put(shop, picture())
    async with shop.session.get(merchant["logo"]["url"].replace(".png", ".webp")) as shown:
        assert shown.status == 404
