"""Normal forms of the identifiers of a person."""

from __future__ import annotations

import pytest

from extrato.domain.person import PersonKind, earlier_forms, kind_of, normal_form


@pytest.mark.parametrize(
    ("kind", "spellings"),
    [
        ("email", ["ana@example.com", "ANA@Example.COM", " ana@example.com ", "ana+loja@example.com"]),
        ("cpf", ["123.456.789-09", "12345678909"]),
        ("cnpj", ["12.ABC.345/01DE-35", "12abc34501de35"]),
        ("phone", ["+55 (11) 98765-4321", "11987654321", "5511987654321", "0055 11 98765 4321", "011 98765-4321"]),
        ("phone", ["+55 55 99123-4567", "(55) 99123-4567", "5555991234567"]),
        ("phone", ["+49 1512 3456789", "0049 1512 3456789", "4915123456789", "(+49) 1512 3456789"]),
    ],
)
def test_spellings_of_one_identifier_have_one_normal_form(kind: PersonKind, spellings: list[str]):
    assert len({normal_form(kind, text) for text in spellings}) == 1


@pytest.mark.parametrize(
    ("kind", "one", "other"),
    [
        ("email", "ana@example.com", "bia@example.com"),
        ("email", "ana@example.com", "ana@example.org"),
        ("email", "+a@example.com", "+b@example.com"),
        ("email", "ana@straße.example", "ana@strasse.example"),
        ("email", "\ufb00@example.com", "ff@example.com"),
        ("cpf", "12345678909", "98765432100"),
        ("phone", "5511987654321", "5521987654321"),
        ("phone", "+49 91234-5678", "(49) 91234-5678"),
        ("phone", "+49 9 1234 5678", "(49) 91234-5678"),
        ("phone", "+55 99123-4567", "(55) 99123-4567"),
    ],
)
def test_two_persons_have_two_normal_forms(kind: PersonKind, one: str, other: str):
    assert normal_form(kind, one) != normal_form(kind, other)


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ("ana@example.com", "email"),
        ("123.456.789-09", "cpf"),
        ("12.ABC.345/01DE-35", "cnpj"),
        ("+55 11 98765-4321", "phone"),
        ("(11) 98765-4321", "phone"),
        ("812", None),
    ],
)
def test_kind_of_an_identifier_is_read_from_its_form(text: str, kind: PersonKind | None):
    assert kind_of(text) == kind


@pytest.mark.parametrize(
    ("text", "forms"),
    [
        ("+49 1512 3456789", ["4915123456789"]),
        ("+49 91234-5678", []),
        ("+55 11 98765-4321", []),
        ("(11) 98765-4321", []),
    ],
)
def test_earlier_form_is_used_only_where_it_is_of_one_person(text: str, forms: list[str]):
    assert earlier_forms("phone", text) == forms
