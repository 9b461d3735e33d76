"""The web origins of a merchant: which addresses are one, and how they are set."""

from __future__ import annotations

import pytest

from contracts.events import MerchantOriginsSet, MerchantRegistered
from extrato.domain.errors import Refused
from extrato.domain.merchant import Registered, decide, decider
from extrato.domain.origins import MAX_ADDRESS_LENGTH, MAX_ORIGINS, SetOrigins, origin_of

REGISTERED = MerchantRegistered(slug="padaria", name="Padaria do Marcos", city="São Paulo")
SHOP, SITE = "https://shop.example", "https://site.example"


def merchant(*events: MerchantOriginsSet) -> Registered:
    folded = decider("padaria").fold((REGISTERED, *events))
    assert isinstance(folded, Registered)
    return folded


def refusal(command: SetOrigins) -> tuple[str, str]:
    with pytest.raises(Refused) as refused:
        decide(command, merchant())
    return refused.value.code, refused.value.about


# --- addresses ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("address", "origin"),
    [
        ("https://shop.example", SHOP),
        ("https://shop.example/", SHOP),
        ("https://shop.example/back?order=1#top", SHOP),
        ("https://shop.example?order=1", SHOP),
        ("https://shop.example#top", SHOP),
        ("HTTPS://Shop.Example:443/Back", SHOP),
        ("https://shop.example:8443/back", "https://shop.example:8443"),
        ("https://xn--po-cja.example/", "https://xn--po-cja.example"),
        ("http://localhost:3000/back", "http://localhost:3000"),
        ("http://127.0.0.1:80/back", "http://127.0.0.1"),
        ("https://localhost/back", "https://localhost"),
    ],
)
def test_origin_of_an_address_is_its_scheme_host_and_port(address: str, origin: str):
    assert origin_of(address) == origin


@pytest.mark.parametrize(
    "address",
    [
        "",
        "shop.example",
        "//shop.example/back",
        "/back",
        "http://shop.example/back",
        "http://localhost.example/back",
        "ftp://shop.example/back",
        "javascript:alert(1)//https://shop.example",
        "data:text/html,https://shop.example",
        "https:shop.example",
        "https:///shop.example",
        "https://",
        "https://user@shop.example/back",
        "https://user:secret@shop.example/back",
        "https://shop.example@evil.example/back",
        "https://shop.example\\@evil.example/back",
        "https://shop.example\\.evil.example/back",
        "https://shop.example/back\\",
        "https://shop.example .evil.example/",
        "https://shop.example\t/back",
        "https://shop.example/back\n",
        " https://shop.example/back",
        "https://shop.example%2f@evil.example",
        "https://pão.example/",
        "https://shop.example/pão",
        "https://shop..example/",
        "https://shop.example./",
        "https://-shop.example/",
        "https://shop_1.example/",
        "https://[::1]/",
        "https://*.example/",
        "https://shop.example:/",
        "https://shop.example:0/",
        "https://shop.example:65536/",
        "https://shop.example:443443/",
        f"{SHOP}/{'a' * MAX_ADDRESS_LENGTH}",
    ],
)
def test_address_that_browsers_may_read_otherwise_has_no_origin(address: str):
    assert origin_of(address) is None


def test_longest_address_has_its_origin():
    assert origin_of(f"{SHOP}/{'a' * (MAX_ADDRESS_LENGTH - len(SHOP) - 1)}") == SHOP


# --- commands -------------------------------------------------------------------------------------


def test_origins_are_set_sorted_and_in_their_normal_form():
    command = SetOrigins(return_origins=("https://b.example:443", "HTTPS://A.example", "https://b.example"))
    expected = MerchantOriginsSet(return_origins=("https://a.example", "https://b.example"), frame_origins=())
    assert decide(command, merchant()) == [expected]
    assert merchant(expected).return_origins == {"https://a.example", "https://b.example"}


def test_origins_that_are_not_sent_stay():
    before = MerchantOriginsSet(return_origins=(SHOP,), frame_origins=(SITE,))
    expected = MerchantOriginsSet(return_origins=(SHOP,), frame_origins=())
    assert decide(SetOrigins(frame_origins=()), merchant(before)) == [expected]


def test_same_origins_record_nothing():
    before = MerchantOriginsSet(return_origins=(SHOP,), frame_origins=(SITE,))
    command = SetOrigins(return_origins=(f"{SHOP}:443",), frame_origins=(SITE,))
    assert decide(command, merchant(before)) == []
    assert decide(SetOrigins(), merchant(before)) == []


@pytest.mark.parametrize(
    "text", ["", f"{SHOP}/", f"{SHOP}/back", "http://shop.example", f"https://{'a.' * 150}example"]
)
def test_text_that_is_no_origin_is_refused(text: str):
    assert refusal(SetOrigins(return_origins=(SITE, text))) == ("invalid_origin", "return_origins")
    assert refusal(SetOrigins(frame_origins=(text,))) == ("invalid_origin", "frame_origins")


def test_too_many_origins_are_refused():
    origins = tuple(f"https://shop{number}.example" for number in range(MAX_ORIGINS + 1))
    assert decide(SetOrigins(frame_origins=origins[1:]), merchant())
    assert refusal(SetOrigins(frame_origins=origins)) == ("too_many_origins", "frame_origins")
