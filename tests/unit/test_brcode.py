"""BR Codes against the official samples, codes of other generators and two independent readers."""

from __future__ import annotations

import json
import re
import string
from decimal import Decimal
from pathlib import Path

import pixcanvas
import pytest
from hypothesis import assume, example, given
from hypothesis import strategies as st

from extrato.domain.brcode import (
    MAX_AMOUNT_CENTAVOS,
    NO_TXID,
    BRCode,
    InvalidBRCode,
    crc16,
    decode,
    encode_static,
)
from extrato.domain.plain_ascii import plain_ascii
from tests.compatibility.claim import claim
from tests.starkbank_brcode import json_from_brcode

EVP = "123e4567-e12b-12d1-a456-426655440000"
RECURRENCE = "pix.example.com/rec/2353c790eefb11eaadc10242ac120002"
CHARGE = "pix.example.com/8b3da2f39a4140d1a91abd93113bd441"

# Manual de Padrões para Iniciação do Pix, section 2.6.3.
STATIC = (
    "00020126580014br.gov.bcb.pix0136123e4567-e12b-12d1-a456-4266554400005204000053039865802BR"
    "5913Fulano de Tal6008BRASILIA62070503***63041D3D"
)
# The same manual, section 2.7.2.
DYNAMIC = (
    "00020101021226700014br.gov.bcb.pix2548pix.example.com/8b3da2f39a4140d1a91abd93113bd4415204000053039865802BR"
    "5913Fulano de Tal6008BRASILIA62070503***630464E4"
)
# The same manual, section 2.8.5: a charge and the offer of a recurrence.
STATIC_WITH_RECURRENCE = (
    "00020126580014br.gov.bcb.pix0136123e4567-e12b-12d1-a456-4266554400005204000053039865406100.505802BR"
    "5913Fulano de Tal6008BRASILIA62070503***"
    "80740014br.gov.bcb.pix2552pix.example.com/rec/2353c790eefb11eaadc10242ac12000263042875"
)
DYNAMIC_WITH_RECURRENCE = (
    "00020101021226700014br.gov.bcb.pix2548pix.example.com/8b3da2f39a4140d1a91abd93113bd4415204000053039865802BR"
    "5913Fulano de Tal6008BRASILIA62070503***"
    "80740014br.gov.bcb.pix2552pix.example.com/rec/2353c790eefb11eaadc10242ac1200026304FB42"
)
# Manual do BR Code, section 2.2: three schemes in one code.
SEVERAL_SCHEMES = (
    "00020104141234567890123426580014BR.GOV.BCB.PIX0136123e4567-e12b-12d1-a456-426655440000"
    "27300012BR.COM.OUTRO011001234567895204000053039865406123.455802BR5917NOME DO RECEBEDOR6008BRASILIA"
    "61087007490062190515RP12345678-201980390012BR.COM.OUTRO01190123.ABCD.3456.WXYZ6304AD38"
)
# Created by the npm package pix-utils.
WITH_AMOUNT = (
    "00020126580014br.gov.bcb.pix0136123e4567-e12b-12d1-a456-4266554400005204000053039865406123.455802BR"
    "5913FULANO DE TAL6008BRASILIA62070503***6304488D"
)
UPPER_CASE_GUI = (
    "00020101021226770014BR.GOV.BCB.PIX2555pix.example.com/qr/93598be0-1bd0-4997-8318-81776a1d8a99"
    "5204000053039865802BR5907EMPRESA6009SAO PAULO62070503***6304EEAB"
)
# From Mercado Pago's test environment; its check code begins with a zero.
MERCADO_PAGO = (
    "00020126580014br.gov.bcb.pix0136b76aa9c2-2ec4-4110-954e-ebfe34f05b61520400005303986540510.005802BR"
    "5911TE35069Wi056014Begz kGOBJEUte62230519mpqrinter1319973686630407F5"
)
ALL_GOOD = {
    "static": STATIC,
    "dynamic": DYNAMIC,
    "static_with_recurrence": STATIC_WITH_RECURRENCE,
    "dynamic_with_recurrence": DYNAMIC_WITH_RECURRENCE,
    "several_schemes": SEVERAL_SCHEMES,
    "with_amount": WITH_AMOUNT,
    "upper_case_gui": UPPER_CASE_GUI,
    "mercado_pago": MERCADO_PAGO,
}

OF_BANKS = json.loads(Path(__file__).with_name("brcodes_of_banks.json").read_text(encoding="utf-8"))["cases"]
GOOD_OF_BANKS = [case for case in OF_BANKS if "expected" in case]
BAD_OF_BANKS = [case for case in OF_BANKS if "expected" not in case]


def sealed(text: str) -> str:
    """Append field 63 to `text`, computed bit by bit and so independent of the code under test."""
    crc = 0xFFFF
    for byte in f"{text}6304".encode():
        crc ^= byte << 8
        for _ in range(8):
            crc = ((crc << 1) ^ 0x1021 if crc & 0x8000 else crc << 1) & 0xFFFF
    return f"{text}6304{crc:04X}"


def changed(code: str, old: str, new: str) -> str:
    """Replace `old`, which must be present, and append a new check code."""
    assert old in code
    return sealed(code[:-8].replace(old, new, 1))


def refusal(code: str) -> InvalidBRCode:
    with pytest.raises(InvalidBRCode) as refused:
        decode(code)
    return refused.value


def encode(**changes) -> str:
    arguments = {
        "pix_key": EVP,
        "receiver_name": "FULANO DE TAL",
        "receiver_city": "BRASILIA",
        "amount_centavos": 12345,
    }
    return encode_static(**(arguments | changes))


def encoding_refusal(**changes) -> InvalidBRCode:
    with pytest.raises(InvalidBRCode) as refused:
        encode(**changes)
    return refused.value


# --- the check code ---


def test_check_code_has_the_published_check_value():
    assert crc16("123456789") == "29B1"


@pytest.mark.parametrize("code", ALL_GOOD.values(), ids=ALL_GOOD.keys())
def test_check_code_of_every_known_code_is_reproduced(code):
    assert crc16(code[:-4]) == code[-4:]


def test_check_code_keeps_its_leading_zero():
    assert crc16(MERCADO_PAGO[:-4]) == "07F5"


# --- decoding --


def test_static_code_names_the_key():
    assert decode(STATIC) == BRCode(
        kind="static",
        pix_key=EVP,
        url="",
        amount_centavos=None,
        currency="986",
        country="BR",
        receiver_name="Fulano de Tal",
        receiver_city="BRASILIA",
        txid=NO_TXID,
        description="",
        merchant_category="0000",
        postal_code="",
        point_of_initiation="",
        withdrawal_ispb="",
        recurrence_url="",
    )


def test_dynamic_code_names_the_url_of_the_charge():
    code = decode(DYNAMIC)
    assert (code.kind, code.pix_key, code.url) == ("dynamic", "", CHARGE)
    assert (code.point_of_initiation, code.txid) == ("12", NO_TXID)


def test_composite_code_has_an_amount_and_a_recurrence():
    static, dynamic = decode(STATIC_WITH_RECURRENCE), decode(DYNAMIC_WITH_RECURRENCE)
    assert (static.kind, static.pix_key, static.amount_centavos) == ("static", EVP, 10050)
    assert (dynamic.kind, dynamic.url) == ("dynamic", CHARGE)
    assert static.recurrence_url == dynamic.recurrence_url == RECURRENCE


def test_pix_is_found_among_several_schemes():
    code = decode(SEVERAL_SCHEMES)
    assert (code.kind, code.pix_key, code.amount_centavos) == ("static", EVP, 12345)
    assert (code.receiver_name, code.postal_code) == ("NOME DO RECEBEDOR", "70074900")
    assert (code.txid, code.recurrence_url) == ("RP12345678-2019", "")


@pytest.mark.parametrize("number", ["27", "39", "51"])
def test_pix_account_may_be_in_any_of_its_fields(number):
    assert decode(changed(STATIC, "26580014", f"{number}580014")) == decode(STATIC)


def test_pix_identifier_may_be_in_upper_case():
    code = decode(UPPER_CASE_GUI)
    assert (code.kind, code.receiver_name, code.receiver_city) == ("dynamic", "EMPRESA", "SAO PAULO")


def test_mercado_pago_code_is_decoded():
    code = decode(MERCADO_PAGO)
    assert (code.kind, code.amount_centavos) == ("static", 1000)
    assert (code.receiver_name, code.receiver_city) == ("TE35069Wi05", "Begz kGOBJEUte")
    assert code.txid == "mpqrinter1319973686"


@pytest.mark.parametrize("old", ["62070503***", "0503***"])
def test_code_without_additional_data_has_no_txid(old):
    new = "" if old.startswith("62") else "0703***"
    assert decode(changed(STATIC, old, new)).txid == NO_TXID


@pytest.mark.parametrize(
    ("text", "centavos"), [("10", 1000), ("10.", 1000), ("0.5", 50), ("9999999999.99", 999999999999)]
)
def test_amount_may_have_every_form_of_the_standard(text, centavos):
    assert decode(changed(WITH_AMOUNT, "5406123.45", f"54{len(text):02d}{text}")).amount_centavos == centavos


def of_withdrawal(amount_field: str, *, ispb: str = "12345678") -> str:
    account = f"26700014br.gov.bcb.pix0136{EVP}03{len(ispb):02d}{ispb}"
    code = changed(STATIC, f"26580014br.gov.bcb.pix0136{EVP}", account)
    return changed(code, "5303986", f"5303986{amount_field}")


@pytest.mark.parametrize(
    ("field", "centavos"), [("", None), ("54040.00", 0), ("54010", 0), ("54020.", 0), ("540550.00", 5000)]
)
def test_withdrawal_names_its_facilitator_and_may_have_no_amount(field, centavos):
    code = decode(of_withdrawal(field, ispb="1A2B3C4D"))
    assert (code.kind, code.withdrawal_ispb, code.amount_centavos) == ("static", "1A2B3C4D", centavos)


@pytest.mark.parametrize("ispb", ["1234567", "1234567é", "1234567a"])
def test_malformed_ispb_of_a_facilitator_is_refused(ispb):
    account = f"0014br.gov.bcb.pix0136{EVP}03{len(ispb):02d}{ispb}"
    code = changed(STATIC, f"26580014br.gov.bcb.pix0136{EVP}", f"26{len(account)}{account}")
    assert refusal(code).about == "03"


@pytest.mark.parametrize(("field", "centavos"), [("54040.00", 0), ("54010", 0), ("54040.01", 1)])
def test_amount_of_a_dynamic_code_may_be_zero(field, centavos):
    assert decode(changed(DYNAMIC, "5303986", f"5303986{field}")).amount_centavos == centavos
    assert decode(changed(DYNAMIC_WITH_RECURRENCE, "5303986", f"5303986{field}")).amount_centavos == centavos


def test_code_may_offer_a_recurrence_alone():
    code = decode(changed(STATIC_WITH_RECURRENCE, f"26580014br.gov.bcb.pix0136{EVP}", "26180014br.gov.bcb.pix"))
    assert (code.kind, code.pix_key, code.url, code.recurrence_url) == ("recurrence", "", "", RECURRENCE)


@pytest.mark.parametrize("url", [f"https://{RECURRENCE}", "pix.example.com/re c"])
@pytest.mark.parametrize("account", [f"26580014br.gov.bcb.pix0136{EVP}", "26180014br.gov.bcb.pix"])
def test_recurrence_url_is_checked_in_every_kind_of_code(account, url):
    code = changed(STATIC_WITH_RECURRENCE, f"26580014br.gov.bcb.pix0136{EVP}", account)
    template = f"0014br.gov.bcb.pix25{len(url):02d}{url}"
    code = changed(code, f"80740014br.gov.bcb.pix2552{RECURRENCE}", f"80{len(template):02d}{template}")
    assert refusal(code).code == "brcode_invalid_field"


@pytest.mark.parametrize("case", GOOD_OF_BANKS, ids=lambda case: case["id"])
def test_bank_code_is_decoded(case):
    code = decode(case["payload"])
    assert {name: getattr(code, name) for name in case["expected"]} == case["expected"]


@pytest.mark.parametrize("case", BAD_OF_BANKS, ids=lambda case: case["id"])
def test_broken_code_is_refused(case):
    refusal(case["payload"])


@pytest.mark.parametrize(
    "case", [case for case in BAD_OF_BANKS if "CRC" not in case["refused_because"]], ids=lambda case: case["id"]
)
def test_broken_code_with_a_valid_check_code_is_refused(case):
    assert refusal(sealed(case["payload"][:-8])).code != "brcode_wrong_crc"


# --- refusals -----------


@pytest.mark.parametrize(
    ("old", "new", "reason", "about"),
    [
        ("5303986", "5303840", "brcode_invalid_field", "53"),
        ("5802BR", "5802AR", "brcode_invalid_field", "58"),
        ("000201", "000201010213", "brcode_invalid_field", "01"),
        ("000201", "000202", "brcode_invalid_field", ""),
        ("000201", "", "brcode_invalid_field", ""),
        ("52040000", "5204000A", "brcode_invalid_field", "52"),
        ("5406123.45", "5406123,45", "brcode_invalid_amount", "54"),
        ("5406123.45", "5406-12.45", "brcode_invalid_amount", "54"),
        ("5406123.45", "54071.23.45", "brcode_invalid_amount", "54"),
        ("5406123.45", "5407123.456", "brcode_invalid_amount", "54"),
        ("5406123.45", "54040.00", "brcode_invalid_amount", "54"),
        ("5406123.45", "54051E400", "brcode_invalid_amount", "54"),
        ("52040000", "", "brcode_missing_field", "52"),
        ("5303986", "", "brcode_missing_field", "53"),
        ("5802BR", "", "brcode_missing_field", "58"),
        ("5913FULANO DE TAL", "", "brcode_missing_field", "59"),
        ("6008BRASILIA", "", "brcode_missing_field", "60"),
        ("5913FULANO DE TAL", "5926" + "N" * 26, "brcode_invalid_field", "59"),
        ("6008BRASILIA", "6016" + "C" * 16, "brcode_invalid_field", "60"),
        ("62070503***", "62300526" + "T" * 26, "brcode_invalid_field", "05"),
        ("br.gov.bcb.pix", "br.gov.bcb.pox", "brcode_not_pix", ""),
        (f"26580014br.gov.bcb.pix0136{EVP}", "", "brcode_not_pix", ""),
        (f"0136{EVP}", f"0236{EVP}", "brcode_key_or_url", ""),
        (f"26580014br.gov.bcb.pix0136{EVP}", "26180014br.gov.bcb.pix", "brcode_key_or_url", ""),
        ("123e4567-e12b", "123e4567 e12b", "brcode_invalid_field", ""),
        ("5802BR", "5802BR5802BR", "brcode_repeated_field", "58"),
        ("5802BR", "5800", "brcode_malformed", ""),
        ("5802BR", "58BR", "brcode_malformed", ""),
        ("5802BR", "5899BR", "brcode_malformed", ""),
        ("5802BR", "5802BR5", "brcode_malformed", ""),
        ("0136123e", "0137123e", "brcode_malformed", ""),
        ("5802BR", "58\u06602BR", "brcode_malformed", ""),
        ("5802BR", "5802BR6304ABCD", "brcode_repeated_field", "63"),
    ],
)
def test_wrong_field_with_a_valid_check_code_is_refused(old, new, reason, about):
    refused = refusal(changed(WITH_AMOUNT, old, new))
    assert (refused.code, refused.about) == (reason, about)


def test_code_with_two_pix_accounts_is_refused():
    assert refusal(changed(STATIC, "5204", f"27580014br.gov.bcb.pix0136{EVP}5204")).code == "brcode_not_pix"


def test_code_with_both_a_key_and_a_url_is_refused():
    code = changed(DYNAMIC, "26700014br.gov.bcb.pix", "26750014br.gov.bcb.pix0101k")
    assert refusal(code).code == "brcode_key_or_url"


def test_location_url_with_a_scheme_is_refused():
    code = changed(DYNAMIC, f"26700014br.gov.bcb.pix2548{CHARGE}", f"26780014br.gov.bcb.pix2556https://{CHARGE}")
    assert refusal(code).code == "brcode_invalid_field"


@pytest.mark.parametrize(
    "code",
    [
        STATIC[:-4] + "0000",
        STATIC[:-4] + STATIC[-4:].lower(),
        MERCADO_PAGO[:-4] + "7F5",
        STATIC[:-1],
        STATIC + " ",
        " " + STATIC,
        "",
        "6304",
    ],
)
def test_code_with_a_wrong_check_code_is_refused(code):
    assert refusal(code).code == "brcode_wrong_crc"


def test_code_whose_last_field_is_not_the_check_code_is_refused():
    text = STATIC[:-8] + "6404"
    assert refusal(text + crc16(text)).code == "brcode_invalid_field"


def test_text_of_only_a_check_code_is_refused():
    assert refusal("FFFF").code == "brcode_malformed"


def test_code_of_more_than_512_characters_is_refused():
    longest = STATIC[:-8] + "".join(f"{number}99{'x' * 99}" for number in (64, 65, 66)) + "6762" + "x" * 62
    assert len(sealed(longest)) == 512
    assert decode(sealed(longest)) == decode(STATIC)
    assert refusal(sealed(longest.replace("6762", "6763") + "x")).code == "brcode_too_long"


@pytest.mark.parametrize("character", ["\n", "\x00", "\ud800", "\u2028"])
def test_code_with_unprintable_characters_is_refused(character):
    assert refusal(STATIC[:-8] + character + STATIC[-8:]).code == "brcode_unprintable"


def test_refusal_repeats_no_personal_data():
    refused = refusal(changed(WITH_AMOUNT, "5913FULANO DE TAL", "5931FULANO DE TAL E OUTROS SOBRENOM"))
    assert "FULANO" not in str(refused)


@given(st.text(max_size=600))
def test_any_text_is_decoded_or_refused(text):
    with pytest.raises(InvalidBRCode):
        decode(sealed(text) if text.isprintable() else text)


@given(code=st.sampled_from(list(ALL_GOOD.values())), data=st.data())
def test_one_changed_character_breaks_the_check_code(code, data):
    place = data.draw(st.integers(0, len(code) - 1))
    character = data.draw(st.sampled_from([chr(number) for number in range(0x20, 0x7F)]))
    assume(character != code[place])
    assert refusal(code[:place] + character + code[place + 1 :]).code == "brcode_wrong_crc"


@given(code=st.sampled_from(list(ALL_GOOD.values())), data=st.data())
def test_truncated_code_is_refused(code, data):
    with pytest.raises(InvalidBRCode):
        decode(code[: data.draw(st.integers(0, len(code) - 1))])


# --- encoding --


def test_manuals_static_sample_is_written_byte_for_byte():
    assert encode(receiver_name="Fulano de Tal", amount_centavos=None) == STATIC


def test_code_of_pix_utils_is_written_byte_for_byte():
    assert encode() == WITH_AMOUNT


def test_txid_is_written_as_by_two_other_generators():
    code = encode(txid="PEDIDO123")
    assert code.endswith("62130509PEDIDO12363048BB1")
    other = pixcanvas.create_static_pix(
        pix_key=EVP,
        merchant_name="FULANO DE TAL",
        merchant_city="BRASILIA",
        amount="123.45",
        txid="PEDIDO123",
    )
    assert other.br_code.endswith("6304A1E0")
    assert changed(code, "000201", "000201010211") == other.br_code


def test_names_are_written_in_ascii():
    code = decode(encode(receiver_name="  Padaria\tSão  João ½ 🥖 ", receiver_city="SÃO JOSÉ\u00a0DO\u2003EGITO"))
    assert (code.receiver_name, code.receiver_city) == ("Padaria Sao Joao 1/2", "SAO JOSE DO EGI")


def test_names_are_cut_after_normalising_and_do_not_end_in_a_blank():
    code = decode(encode(receiver_name="Associação dos Moradores do Bairro", receiver_city="São José do Rio Preto"))
    assert (code.receiver_name, code.receiver_city) == ("Associacao dos Moradores", "Sao Jose do Rio")


@pytest.mark.parametrize(("key_length", "room"), [(36, 37), (11, 62), (72, 1), (73, 0), (77, 0)])
def test_description_is_cut_at_the_room_that_the_key_leaves(key_length, room):
    code = encode(pix_key="k" * key_length, description="d" * 100)
    assert decode(code).description == "d" * room


@pytest.mark.parametrize(
    ("whole", "cut"),
    [
        ("Encomenda grande de bolo para 37 R$ 100", "Encomenda grande de bolo para 37"),
        ("Encomenda grande de bolo R$ 1.234,50", "Encomenda grande de bolo R$ 1.234,50"),
        ("Encomenda bem grande de bolo, R$ 1.234,50", "Encomenda bem grande de bolo,"),
        ("Encomenda grande de bolos por R$100,00", "Encomenda grande de bolos por"),
        ("Bolo de casamento e de festa por US$ 100", "Bolo de casamento e de festa por"),
        ("Encomenda de todos os bolos: R$\u00a010\u202f000", "Encomenda de todos os bolos:"),
        ("Encomenda grande de bolo pesando 11½ kg", "Encomenda grande de bolo pesando"),
        ("Encomenda grande de bolo, cerca de 1½ kg", "Encomenda grande de bolo, cerca de"),
        ("Bolo de casamento para muita gente 1.5 kg", "Bolo de casamento para muita gente"),
        ("Encomenda de pão e queijo das 10\u201312h e 5", "Encomenda de pao e queijo das 10-12h"),
        ("Encomenda de pães e queijos das 10\u201312h", "Encomenda de paes e queijos das"),
        ("Encomenda de pães e queijos 20\u00d7500 g", "Encomenda de paes e queijos 20x500 g"),
        ("Encomenda grande, à vista por 100 mil", "Encomenda grande, a vista por 100 mil"),
        ("Encomenda bem grande, à vista por 100 mil", "Encomenda bem grande, a vista por"),
        ("Encomenda 7 de pães para os funcionários", "Encomenda 7 de paes para os funcionar"),
        ("EncomendaDePaesParaOsFuncionarios2026/11", "EncomendaDePaesParaOsFuncionarios"),
        ("Encomenda grande, desconto total de 10 %", "Encomenda grande, desconto total de"),
        ("Encomenda grande de bolo e festa 1 de 8", "Encomenda grande de bolo e festa 1 de"),
        ("Encomenda grande de bolo com crédito R$ -5", "Encomenda grande de bolo com credito"),
        ("123456789012345678901234567890123456789", ""),
    ],
)
def test_description_is_not_cut_within_a_number(whole, cut):
    assert decode(encode(description=whole)).description == cut


@pytest.mark.parametrize(
    ("whole", "cut"),
    [
        ("JOAO DA SILVA E SOUZA 12345678909", "JOAO DA SILVA E SOUZA"),
        ("12.345.678 JOAO DA SILVA E SOUZA", "12.345.678 JOAO DA SILVA"),
        # A code without a name is invalid.
        ("12345678901234567890123456789", "1234567890123456789012345"),
    ],
)
def test_name_is_cut_within_a_number_only_if_otherwise_empty(whole, cut):
    assert decode(encode(receiver_name=whole)).receiver_name == cut


def test_description_keeps_its_meaning_in_ascii():
    assert decode(encode(description="1½ kg de pão 🥖 \u2013 2\u00d7500 g")).description == "1 1/2 kg de pao - 2x500 g"


def test_description_without_ascii_text_is_omitted():
    assert decode(encode(description="Pedido nº 7, às 9h")).description == "Pedido no 7, as 9h"
    assert encode(description=" 🎉 ") == encode()


@pytest.mark.parametrize(
    ("centavos", "field"), [(1, "54040.01"), (100, "54041.00"), (999999999999, "54139999999999.99")]
)
def test_amount_has_a_point_and_two_decimals(centavos, field):
    assert f"5303986{field}5802BR" in encode(amount_centavos=centavos)


def test_longest_code_has_236_characters():
    code = encode(
        pix_key="k" * 60,
        receiver_name="n" * 99,
        receiver_city="c" * 99,
        amount_centavos=MAX_AMOUNT_CENTAVOS,
        txid="t" * 25,
        description="d" * 99,
    )
    assert len(code) == 236


@pytest.mark.parametrize(
    ("changes", "reason", "about"),
    [
        ({"pix_key": ""}, "brcode_invalid_pix_key", "pix_key"),
        ({"pix_key": "k" * 78}, "brcode_invalid_pix_key", "pix_key"),
        ({"pix_key": "529 982"}, "brcode_invalid_pix_key", "pix_key"),
        ({"pix_key": "josé@example.com"}, "brcode_invalid_pix_key", "pix_key"),
        ({"pix_key": f"{EVP}\n"}, "brcode_invalid_pix_key", "pix_key"),
        ({"receiver_name": ""}, "brcode_empty_receiver_name", "receiver_name"),
        ({"receiver_name": " \t"}, "brcode_empty_receiver_name", "receiver_name"),
        ({"receiver_name": "🥖🇧🇷 ❤️"}, "brcode_empty_receiver_name", "receiver_name"),
        ({"receiver_city": "\u200b🏙️"}, "brcode_empty_receiver_city", "receiver_city"),
        ({"receiver_city": " "}, "brcode_empty_receiver_city", "receiver_city"),
        ({"txid": ""}, "brcode_invalid_txid", "txid"),
        ({"txid": "T" * 26}, "brcode_invalid_txid", "txid"),
        ({"txid": "PEDIDO-1"}, "brcode_invalid_txid", "txid"),
        ({"txid": "PEDIDÓ1"}, "brcode_invalid_txid", "txid"),
        ({"txid": "****"}, "brcode_invalid_txid", "txid"),
        ({"amount_centavos": 0}, "brcode_invalid_amount", "amount_centavos"),
        ({"amount_centavos": -1}, "brcode_invalid_amount", "amount_centavos"),
        ({"amount_centavos": MAX_AMOUNT_CENTAVOS + 1}, "brcode_invalid_amount", "amount_centavos"),
    ],
)
def test_unusable_values_are_refused(changes, reason, about):
    refused = encoding_refusal(**changes)
    assert (refused.code, refused.about) == (reason, about)


# --- other readers ---------

DIGITS = st.text(string.digits, min_size=11, max_size=11)
EVPS = st.uuids().map(str)
EMAILS = st.from_regex(r"[a-z]{1,20}(\.[a-z]{1,10})?@[a-z]{1,20}\.com(\.br)?", fullmatch=True)
KEYS = DIGITS | EVPS | EMAILS | st.just("+5511987654321") | st.just("12ABC34501DE35")
NAMES = st.text(max_size=60).map(lambda text: f"a{text}")
CODES = st.fixed_dictionaries(
    {
        "pix_key": KEYS,
        "receiver_name": NAMES,
        "receiver_city": NAMES,
        "amount_centavos": st.none() | st.integers(1, MAX_AMOUNT_CENTAVOS),
        "txid": st.just(NO_TXID) | st.text(string.ascii_letters + string.digits, min_size=1, max_size=25),
        "description": st.text(max_size=120),
    }
)


def decimal_text(centavos: int) -> str:
    return str(Decimal(centavos).scaleb(-2).quantize(Decimal("0.01")))


@given(CODES)
@example(
    {
        "pix_key": EVP,
        "receiver_name": "a",
        "receiver_city": "a",
        "amount_centavos": 1,
        "txid": "0",
        "description": "",
    }
)
def test_starkbank_reader_decodes_the_written_values(values):
    code = encode_static(**values)
    ours, theirs = decode(code), json_from_brcode(code)
    account = {"00": "br.gov.bcb.pix", "01": values["pix_key"]}
    if ours.description:
        account["02"] = ours.description
    fields = {
        "00": "01",
        "26": account,
        "52": "0000",
        "53": "986",
        "58": "BR",
        "59": ours.receiver_name,
        "60": ours.receiver_city,
        "62": {"05": values["txid"]},
        "63": code[-4:],
    }
    if values["amount_centavos"] is not None:
        fields["54"] = decimal_text(values["amount_centavos"])
    assert theirs == fields
    assert (ours.pix_key, ours.txid, ours.amount_centavos) == (
        values["pix_key"],
        values["txid"],
        values["amount_centavos"],
    )


@claim("pix.code")
@given(CODES)
def test_pixcanvas_accepts_every_code_and_decodes_the_same(values):
    # PixCanvas does not support a CNPJ with letters, and mistakes a UUID with 10 to 14 digits for another kind of key.
    key = values["pix_key"]
    assume(key != "12ABC34501DE35")
    digits = sum(character.isdigit() for character in key)
    assume(key.isdigit() or key.startswith("+") or not 10 <= digits <= 14)
    code = encode_static(**values)
    result = pixcanvas.validate_pix(code)
    assert (result.is_valid, result.errors, result.warnings) == (True, (), ())
    ours, theirs = decode(code), result.pix
    assert theirs is not None
    assert theirs.pix_key == ours.pix_key
    assert theirs.merchant_name == ours.receiver_name.upper()
    assert theirs.merchant_city == ours.receiver_city.upper()
    assert theirs.txid == ours.txid
    assert theirs.amount == (None if ours.amount_centavos is None else Decimal(decimal_text(ours.amount_centavos)))
    # PixCanvas shortens a description to 23 characters, the last three of them points.
    read = theirs.description or ""
    assert read == ours.description or ours.description.startswith(read.removesuffix("..."))


@given(CODES)
def test_written_code_is_short_printable_ascii_with_tidy_names(values):
    code = encode_static(**values)
    assert len(code) <= 236
    assert code.isascii()
    assert code.isprintable()
    read = decode(code)
    for text, longest in ((read.receiver_name, 25), (read.receiver_city, 15)):
        assert 1 <= len(text) <= longest
        assert text == " ".join(text.split())


NUMBERS = re.compile(r"(?:R\$ ?)?[0-9]+(?: [0-9]+/[0-9]+|(?: [0-9]{3})+(?![0-9]))?(?:[.,/:^x-][0-9]+)*")
WORDS_AND_NUMBERS = st.lists(
    st.sampled_from(["bolo", "Pão", "de", "e", "R$", "½", "1½", "37", "1.234,50", "10/12", "10–12h", "R$100", "🥖"])  # noqa: RUF001
    | st.integers(0, 99999).map(str)
    | st.text(max_size=6),
    min_size=6,
    max_size=30,
)


@example(words=["Encomenda grande de bolo para 37 R$ 100"], gap="", key=EVP)
@given(words=WORDS_AND_NUMBERS, gap=st.sampled_from([" ", "", "\u202f"]), key=KEYS)
def test_numbers_of_a_description_are_whole_numbers_of_the_text(words, gap, key):
    whole = gap.join(words)
    cut = decode(encode(pix_key=key, description=whole)).description
    found = NUMBERS.findall(cut)
    assert found == NUMBERS.findall(plain_ascii(whole))[: len(found)]
    assert plain_ascii(whole).startswith(cut)


@given(code=st.sampled_from(list(ALL_GOOD.values())))
def test_starkbank_reader_accepts_every_known_code(code):
    assert json_from_brcode(code)["63"] == code[-4:]
