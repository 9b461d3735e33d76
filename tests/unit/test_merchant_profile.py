"""What payers see of a merchant: colour, document, contact and logo."""

from __future__ import annotations

import pytest
from msgspec.structs import replace

from contracts.events import MerchantEvent, MerchantLogoRemoved, MerchantLogoSet, MerchantProfileChanged
from contracts.events import MerchantRegistered as Registration
from extrato.domain.errors import Refused
from extrato.domain.merchant import Registered, decide, decider
from extrato.domain.merchant_profile import EMPTY, ChangeProfile, RemoveLogo, SetLogo, kind_of_document

REGISTERED = Registration(slug="padaria", name="Padaria do Marcos", city="São Paulo")
CHANGED = MerchantProfileChanged(
    colour="#aa3300",
    document="11444777000161",
    phone="+551133334444",
    whatsapp="+5511987654321",
    email="loja@padaria.example",
)
LOGO = MerchantLogoSet(digest="ab" * 32, media_type="image/png", width=512, height=256)
SET_LOGO = SetLogo(digest="ab" * 32, media_type="image/png", width=512, height=256)


def merchant(*events: MerchantEvent) -> Registered:
    folded = decider("padaria").fold((REGISTERED, *events))
    assert isinstance(folded, Registered)
    return folded


def refusal(command: ChangeProfile) -> tuple[str, str]:
    with pytest.raises(Refused) as refused:
        decide(command, merchant())
    return refused.value.code, refused.value.about


# --- details --------------------------------------------------------------------------------------


def test_details_are_recorded_in_their_normal_form():
    command = ChangeProfile(
        colour=" #AA3300 ",
        document="11.444.777/0001-61",
        phone="(11) 3333-4444",
        whatsapp="+55 11 98765-4321",
        email="Loja@Padaria.example",
    )
    assert decide(command, merchant()) == [CHANGED]
    assert merchant(CHANGED).profile.details == CHANGED


def test_details_that_are_not_sent_stay():
    assert decide(ChangeProfile(colour="#000000"), merchant(CHANGED)) == [replace(CHANGED, colour="#000000")]
    assert decide(ChangeProfile(), merchant(CHANGED)) == []


def test_null_removes_a_detail():
    everything = ChangeProfile(colour=None, document=None, phone=None, whatsapp=None, email=None)
    assert decide(everything, merchant(CHANGED)) == [EMPTY]
    assert decide(everything, merchant()) == []


def test_same_details_record_nothing():
    command = ChangeProfile(colour="#aa3300", document="11444777000161", phone="1133334444")
    assert decide(command, merchant(CHANGED)) == []


@pytest.mark.parametrize("document", ["529.982.247-25", "52998224725", " 529982247-25 "])
def test_document_may_be_a_cpf(document: str):
    (event,) = decide(ChangeProfile(document=document), merchant())
    assert event == replace(EMPTY, document="52998224725")


def test_document_may_be_a_cnpj_with_letters():
    (event,) = decide(ChangeProfile(document="12.abc.345/01de-35"), merchant())
    assert event == replace(EMPTY, document="12ABC34501DE35")


def test_length_tells_the_kind_of_a_document():
    assert [kind_of_document(each) for each in ("52998224725", "11444777000161", "12ABC34501DE35")] == [
        "cpf",
        "cnpj",
        "cnpj",
    ]


@pytest.mark.parametrize("colour", ["", "aa3300", "#aa330", "#aa33000", "#ag3300", "red", "#aa3300;", "#1²3456"])
def test_text_that_is_no_colour_is_refused(colour: str):
    assert refusal(ChangeProfile(colour=colour)) == ("invalid_colour", "colour")


@pytest.mark.parametrize(
    "document", ["", "1", "52998224724", "11111111111", "11444777000162", "1144477700016", "ã" * 11, "9" * 1000]
)
def test_text_that_is_no_document_is_refused(document: str):
    assert refusal(ChangeProfile(document=document)) == ("invalid_document", "document")


@pytest.mark.parametrize("phone", ["", "12345", "+1 202 555 0123", "0800 123 456", "119876543210", "onze"])
def test_number_of_another_country_is_refused(phone: str):
    assert refusal(ChangeProfile(phone=phone)) == ("invalid_phone", "phone")
    assert refusal(ChangeProfile(whatsapp=phone)) == ("invalid_phone", "whatsapp")


@pytest.mark.parametrize("email", ["", "a", "a@b", "a b@c.example", "pão@c.example", f"{'a' * 80}@c.example"])
def test_text_that_is_no_address_is_refused(email: str):
    assert refusal(ChangeProfile(email=email)) == ("invalid_email", "email")


def test_refusal_does_not_repeat_a_document():
    with pytest.raises(Refused) as refused:
        decide(ChangeProfile(document="52998224724"), merchant())
    assert "5299" not in refused.value.message + refused.value.portuguese


# --- logo -----------------------------------------------------------------------------------------


def test_logo_is_recorded_once():
    assert decide(SET_LOGO, merchant()) == [LOGO]
    assert decide(SET_LOGO, merchant(LOGO)) == []
    assert merchant(LOGO).profile.logo == LOGO


def test_logo_is_removed_once():
    assert decide(RemoveLogo(), merchant(LOGO)) == [MerchantLogoRemoved()]
    assert decide(RemoveLogo(), merchant(LOGO, MerchantLogoRemoved())) == []
    assert decide(RemoveLogo(), merchant()) == []


def test_details_and_logo_are_independent():
    profile = merchant(CHANGED, LOGO).profile
    assert (profile.details, profile.logo) == (CHANGED, LOGO)
    profile = merchant(LOGO, CHANGED, MerchantLogoRemoved()).profile
    assert (profile.details, profile.logo) == (CHANGED, None)
