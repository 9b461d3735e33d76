"""Pix keys: the normal form of each kind, and refused keys."""

from __future__ import annotations

import string

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from extrato.domain.brcode import decode, encode_static
from extrato.domain.pix_keys import InvalidPixKey, normalise

GOOD = [
    ("cpf", "529.982.247-25", "52998224725"),
    ("cpf", "12345678909", "12345678909"),
    ("cpf", " 123.456.789-09\n", "12345678909"),
    ("cnpj", "11.222.333/0001-81", "11222333000181"),
    ("cnpj", "00.000.000/0001-91", "00000000000191"),
    ("cnpj", "12.ABC.345/01DE-35", "12ABC34501DE35"),
    ("cnpj", "12abc34501de35", "12ABC34501DE35"),
    ("phone", "+5511987654321", "+5511987654321"),
    ("phone", "+55 (11) 98765-4321", "+5511987654321"),
    ("phone", "(11) 98765-4321", "+5511987654321"),
    ("phone", "11987654321", "+5511987654321"),
    ("phone", "+55 11 3232-1234", "+551132321234"),
    ("phone", "55 99123-4567", "+5555991234567"),
    ("phone", "5555991234567", "+5555991234567"),
    ("phone", "5532321234", "+555532321234"),
    ("email", "Fulano.De-Tal+loja@Example.COM.br", "fulano.de-tal+loja@example.com.br"),
    ("email", "a_b@x-y.io", "a_b@x-y.io"),
    ("evp", "123E4567-E12B-12D1-A456-426655440000", "123e4567-e12b-12d1-a456-426655440000"),
    ("evp", "b76aa9c2-2ec4-4110-954e-ebfe34f05b61", "b76aa9c2-2ec4-4110-954e-ebfe34f05b61"),
]

REFUSED = [
    ("cpf", "529.982.247-24", "pix_key_wrong_check_digits"),
    ("cpf", "529.982.247-15", "pix_key_wrong_check_digits"),
    ("cpf", "111.111.111-11", "pix_key_wrong_check_digits"),
    ("cpf", "00000000000", "pix_key_wrong_check_digits"),
    ("cpf", "5299822472", "pix_key_invalid_cpf"),
    ("cpf", "529982247255", "pix_key_invalid_cpf"),
    ("cpf", "529-982-247-25", "pix_key_invalid_cpf"),
    ("cpf", "", "pix_key_invalid_cpf"),
    ("cpf", "\u0967\u0968345678909", "pix_key_unusable"),
    ("cnpj", "11.222.333/0001-82", "pix_key_wrong_check_digits"),
    ("cnpj", "11.222.333/0001-71", "pix_key_wrong_check_digits"),
    ("cnpj", "12.ABC.345/01DE-36", "pix_key_wrong_check_digits"),
    ("cnpj", "12.ABC.354/01DE-35", "pix_key_wrong_check_digits"),
    ("cnpj", "00.000.000/0000-00", "pix_key_wrong_check_digits"),
    ("cnpj", "12ABC34501DEA5", "pix_key_invalid_cnpj"),
    ("cnpj", "1122233300018", "pix_key_invalid_cnpj"),
    ("cnpj", "52998224725", "pix_key_invalid_cnpj"),
    ("cnpj", "12\u0131BC34501DE35", "pix_key_unusable"),
    ("phone", "987654321", "pix_key_invalid_phone"),
    ("phone", "+1 212 555 0100", "pix_key_invalid_phone"),
    ("phone", "+11987654321", "pix_key_invalid_phone"),
    ("phone", "01198765432", "pix_key_invalid_phone"),
    ("phone", "+55 11 8 8765-4321", "pix_key_invalid_phone"),
    ("phone", "+551198765432a", "pix_key_invalid_phone"),
    ("email", "fulano", "pix_key_invalid_email"),
    ("email", "fulano@localhost", "pix_key_invalid_email"),
    ("email", "fulano@@example.com", "pix_key_invalid_email"),
    ("email", "ful ano@example.com", "pix_key_invalid_email"),
    ("email", "fulano@example..com", "pix_key_invalid_email"),
    ("email", "fulano@-example.com", "pix_key_invalid_email"),
    ("email", "josé@example.com", "pix_key_unusable"),
    ("email", "a" * 66 + "@example.com", "pix_key_unusable"),
    ("evp", "123e4567e12b12d1a456426655440000", "pix_key_invalid_evp"),
    ("evp", "{123e4567-e12b-12d1-a456-426655440000}", "pix_key_invalid_evp"),
    ("evp", "123e4567-e12b-12d1-a456-42665544000g", "pix_key_invalid_evp"),
    ("CPF", "52998224725", "pix_key_unknown_kind"),
    ("", "52998224725", "pix_key_unknown_kind"),
]


@pytest.mark.parametrize(("kind", "text", "key"), GOOD)
def test_valid_key_is_written_in_its_normal_form(kind, text, key):
    assert normalise(kind, text) == key


@pytest.mark.parametrize(("kind", "text", "code"), REFUSED)
def test_invalid_key_is_refused_without_being_quoted(kind, text, code):
    with pytest.raises(InvalidPixKey) as refused:
        normalise(kind, text)
    assert (refused.value.code, refused.value.about) == (code, "pix_key")
    assert not text or text not in refused.value.message


@pytest.mark.parametrize(("kind", "text", "key"), GOOD)
def test_normal_form_is_stable_and_fits_a_code(kind, text, key):
    assert normalise(kind, key) == key
    code = encode_static(pix_key=key, receiver_name="Loja", receiver_city="Natal", amount_centavos=1)
    assert decode(code).pix_key == key


def test_e_mail_of_77_characters_is_the_longest():
    longest = "a" * 65 + "@example.com"
    assert len(normalise("email", longest)) == 77


@pytest.mark.parametrize(("kind", "key"), [("cpf", "52998224725"), ("cnpj", "11222333000181")])
@given(data=st.data())
def test_one_mistyped_digit_is_refused(kind, key, data):
    place = data.draw(st.integers(0, len(key) - 1))
    digit = data.draw(st.sampled_from(string.digits))
    assume(digit != key[place])
    with pytest.raises(InvalidPixKey):
        normalise(kind, key[:place] + digit + key[place + 1 :])


@given(kind=st.sampled_from(["cpf", "cnpj", "phone", "email", "evp"]), text=st.text(max_size=100))
def test_any_text_is_a_key_of_77_characters_at_most_or_refused(kind, text):
    try:
        key = normalise(kind, text)
    except InvalidPixKey:
        return
    assert normalise(kind, key) == key
    assert len(key) <= 77
