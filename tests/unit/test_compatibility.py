"""The page about the references is fresh, and the checker that says so can say otherwise."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest
from msgspec.structs import replace

from contracts.operations import OPERATIONS
from services.gateway.api.views import LABELS
from tests.compatibility.__main__ import PAGE, main
from tests.compatibility.checker import SURFACES, problems
from tests.compatibility.claim import Claim, Part, Section
from tests.compatibility.claims import PARTS
from tests.compatibility.document import document

PROOF = "tests/unit/test_compatibility.py::test_nothing_is_wrong"


def with_claim(**fields: Any) -> tuple[Part, ...]:
    """The claims, and one more."""
    claim = Claim(**{"says": "A promise.", "tests": (PROOF,), **fields})
    return (*PARTS, Part(title="More", intro="", sections=(Section(title="More", claims=(claim,)),)))


def changed(change) -> tuple[Part, ...]:
    """The claims, each as `change` gives it back; without those of which it gives None."""

    def of_section(section):
        claims = (change(claim) for claim in section.claims)
        return replace(section, claims=tuple(claim for claim in claims if claim is not None))

    return tuple(replace(part, sections=tuple(of_section(section) for section in part.sections)) for part in PARTS)


def without_field(name: str, field: str) -> tuple[Part, ...]:
    """The claims, none of which names a field of an operation."""

    def change(claim):
        if name not in claim.operations:
            return claim
        kept = {part: tuple(path for path in getattr(claim, part) if path != field) for part in ("asks", "answers")}
        return replace(claim, **kept)

    return changed(change)


def operations_with(name: str, **changes: Any) -> list[Any]:
    """The operations, of which one is changed."""
    return [replace(each, **changes) if each.name == name else each for each in OPERATIONS]


def operation(name: str) -> Any:
    return next(each for each in OPERATIONS if each.name == name)


def test_nothing_is_wrong():
    assert problems(PARTS) == []


def test_the_committed_page_is_what_would_be_written():
    assert PAGE.read_text(encoding="utf-8") == document(PARTS)


def test_every_claim_is_on_the_page_with_its_proofs():
    page = document(PARTS)
    for part in PARTS:
        for section in part.sections:
            assert f"### {section.title}\n" in page
            for claim in section.claims:
                assert claim.says in page
                assert not claim.better or page.count(claim.better) >= 2
                assert all(f"](../{test.partition('::')[0]})" in page for test in claim.tests)


def test_every_link_within_the_page_leads_somewhere():
    page = document(PARTS)
    headings = [line.lstrip("# ") for line in page.splitlines() if line.startswith("#")]
    anchors = {
        "".join(letter for letter in heading.lower() if letter.isalnum() or letter in " -_").replace(" ", "-")
        for heading in headings
    }
    led_to = {end.partition(")")[0] for end in page.split("](#")[1:]}
    assert led_to <= anchors
    assert len(anchors) == len(headings)


@pytest.mark.parametrize(
    "test",
    [
        "tests/unit/test_compatibility.py::test_that_nobody_wrote",
        "tests/unit/test_that_nobody_wrote.py::test_nothing_is_wrong",
        "tests/unit/test_compatibility.py::with_claim",
        "tests/unit/test_compatibility.py",
        "tests/unit::test_nothing_is_wrong",
    ],
)
def test_a_test_that_does_not_exist_is_noticed(test):
    [problem] = problems(with_claim(tests=(PROOF, test)))
    assert f"names the test {test}, which does not exist" in problem


def test_a_claim_without_a_proof_is_noticed():
    assert problems(with_claim(tests=())) == ["The claim 'A promise.' is proved by no test."]


def test_an_operation_that_does_not_exist_is_noticed():
    assert problems(with_claim(operations=("brewCoffee",))) == [
        "The claim 'A promise.' names the operation brewCoffee, which does not exist."
    ]


@pytest.mark.parametrize(
    ("fields", "told"),
    [
        ({"answers": ("payment.colour",)}, "payment.colour, which createPix does not answer"),
        ({"answers": ("payment[].id",)}, "payment[].id, which createPix does not answer"),
        ({"answers": ("message.id",)}, "message.id, which createPix does not answer"),
        ({"answers": ("payer",)}, "payer, which createPix does not answer"),
        ({"asks": ("payer.colour",)}, "payer.colour, which createPix does not take"),
        ({"asks": ("payload",)}, "payload, which createPix does not take"),
        ({"statuses": (418,)}, "the status 418, which createPix does not answer with"),
    ],
)
def test_a_field_or_status_that_an_operation_does_not_have_is_noticed(fields, told):
    assert problems(with_claim(operations=("createPix",), **fields)) == [f"The claim 'A promise.' names {told}."]


def test_fields_of_no_operation_are_noticed():
    [problem] = problems(with_claim(answers=("id",)))
    assert "names fields or statuses, and no operation" in problem


@pytest.mark.parametrize(
    ("name", "field", "told"),
    [
        ("createPix", "payment.qr_code_url", "the field PixPayment.qr_code_url"),
        ("createPix", "expires_in_minutes", "the field PixCreation.expires_in_minutes"),
        ("createPix", "Idempotency-Key", "the parameter Idempotency-Key of createPix"),
        ("listPayments", "limit", "the parameter limit of listPayments"),
        ("listPayments", "payments[].payer_email", "the field ListedPayment.payer_email"),
        ("startAllMonitors", "monitors_started", "the field MonitorsStarted.monitors_started"),
        ("payment-confirmed-{payment_id}", "paid_at", "the field PaymentConfirmed.paid_at"),
    ],
)
def test_a_field_that_no_claim_names_is_noticed(name, field, told):
    assert problems(without_field(name, field)) == [f"No claim is about {told}."]


def test_a_new_field_of_an_answer_is_noticed():
    answers = operation("listMonitors").answers
    grown = msgspec.defstruct("MonitorList", [("colour", str)], bases=(answers[200].body,), kw_only=True)
    operations = operations_with("listMonitors", answers={200: replace(answers[200], body=grown)})
    assert "No claim is about the field MonitorList.colour." in problems(PARTS, operations=operations)


def test_a_new_query_parameter_is_noticed():
    parameter = replace(operation("listMonitors").query[0], name="colour")
    operations = operations_with("listMonitors", query=(parameter, *operation("listMonitors").query))
    assert problems(PARTS, operations=operations) == ["No claim is about the parameter colour of listMonitors."]


@pytest.mark.parametrize("tag", sorted(SURFACES))
def test_a_route_of_the_references_kind_that_no_claim_is_about_is_noticed(tag):
    new = replace(operation("showHealth"), name="brewCoffee", tag=tag)
    assert problems(PARTS, operations=[*OPERATIONS, new]) == ["No claim is about brewCoffee."]


def test_a_route_whose_claims_were_taken_away_is_noticed():
    parts = changed(lambda claim: None if "showPixPicture" in claim.operations else claim)
    assert problems(parts) == ["No claim is about showPixPicture."]


def test_a_route_of_another_kind_needs_no_claim():
    new = replace(operation("showHealth"), name="brewCoffee")
    assert problems(PARTS, operations=[*OPERATIONS, new]) == []


def test_a_label_that_is_not_the_hubs_is_noticed():
    def change(claim):
        return replace(claim, label=("approved", "Pago")) if claim.label == ("approved", "Aprovado") else claim

    [problem] = problems(changed(change))
    assert problem == "The status approved is labelled 'Aprovado', and claimed to be 'Pago'."


def test_a_label_that_no_claim_is_about_is_noticed():
    [problem] = problems(PARTS, labels={**LABELS, "on_hold": "Retido"})
    assert problem == "The status on_hold is labelled 'Retido', and claimed to be None."
    [problem] = problems(changed(lambda claim: None if claim.label and claim.label[0] == "refunded" else claim))
    assert problem == "The status refunded is labelled 'Estornado', and claimed to be None."


def test_a_page_that_is_missing_or_stale_is_told_in_a_sentence(tmp_path, capsys):
    page = tmp_path / "compatibility.md"
    assert main(["--check"], page=page) == 1
    assert capsys.readouterr().out == "docs/compatibility.md is missing: run `make claims`.\n"
    assert main([], page=page) == 0
    assert main(["--check"], page=page) == 0
    assert capsys.readouterr().out == ""
    page.write_text(page.read_text(encoding="utf-8") + "\n", encoding="utf-8")
    assert main(["--check"], page=page) == 1
    assert capsys.readouterr().out == "docs/compatibility.md is stale: run `make claims`.\n"


def test_the_check_tells_of_wrong_claims_and_of_the_page(tmp_path, capsys):
    parts = with_claim(operations=("brewCoffee",))
    assert main(["--check"], parts=parts, page=tmp_path / "compatibility.md") == 1
    assert len(capsys.readouterr().out.splitlines()) == 2


def test_an_unknown_argument_is_refused_and_writes_nothing(tmp_path, capsys):
    page = tmp_path / "compatibility.md"
    assert main(["--chek"], page=page) == 2
    assert "usage" in capsys.readouterr().err
    assert not page.exists()
