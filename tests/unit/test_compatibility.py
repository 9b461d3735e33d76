"""The page of compatibility is fresh, and its checker finds every kind of fault."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest
from msgspec.structs import replace

from contracts.operations import OPERATIONS
from services.gateway.api.response_bodies import LABELS
from tests.compatibility.__main__ import PAGE, main
from tests.compatibility.catalogue.parts import PARTS
from tests.compatibility.checker import SURFACES, problems
from tests.compatibility.collection import Claims, collect
from tests.compatibility.document import document
from tests.compatibility.statement import Part, Section, Statement

IMPORT = "from tests.compatibility.claim import claim\n"
STATEMENTS = [statement for part in PARTS for section in part.sections for statement in section.statements]
PROOF = "tests/unit/test_compatibility.py::test_catalogue_and_claims_have_no_faults"


@pytest.fixture(scope="module")
def claims() -> Claims:
    """The claims of the tests of this checkout."""
    return collect()


@pytest.fixture(scope="module")
def claims_and_one_more(claims) -> Claims:
    """The same, with a proof of the statement that `with_statement` adds."""
    return replace(claims, proofs={**claims.proofs, "more.promise": (PROOF,)})


@pytest.fixture
def collected(tmp_path):
    """Return a function that collects the claims of one file of tests."""

    def collected(source: str, *, file: str = "test_more.py") -> Claims:
        path = tmp_path / "tests" / "unit" / file
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(source, encoding="utf-8")
        return collect(tmp_path)

    return collected


def with_statement(**fields: Any) -> tuple[Part, ...]:
    """The catalogue with one more statement."""
    statement = Statement(**{"id": "more.promise", "says": "A promise.", **fields})
    return (*PARTS, Part(title="More", intro="", sections=(Section(title="More", statements=(statement,)),)))


def changed(change) -> tuple[Part, ...]:
    """The catalogue after `change` of each statement; a statement for which `change` returns None is removed."""

    def of_section(section):
        statements = (change(statement) for statement in section.statements)
        return replace(section, statements=tuple(statement for statement in statements if statement is not None))

    return tuple(replace(part, sections=tuple(of_section(section) for section in part.sections)) for part in PARTS)


def without_field(name: str, field: str) -> tuple[Part, ...]:
    """The catalogue without a field of an operation."""

    def change(statement):
        if name not in statement.operations:
            return statement
        kept = {part: tuple(path for path in getattr(statement, part) if path != field) for part in ("asks", "answers")}
        return replace(statement, **kept)

    return changed(change)


def without_statements(is_unwanted) -> tuple[tuple[Part, ...], set[str]]:
    """The catalogue without some statements, and their ids."""
    gone = {statement.id for statement in STATEMENTS if is_unwanted(statement)}
    return changed(lambda statement: None if statement.id in gone else statement), gone


def without_proofs(claims: Claims, ids: set[str]) -> Claims:
    return replace(claims, proofs={each: tests for each, tests in claims.proofs.items() if each not in ids})


def operations_with(name: str, **changes: Any) -> list[Any]:
    """The operations with one change."""
    return [replace(each, **changes) if each.name == name else each for each in OPERATIONS]


def operation(name: str) -> Any:
    return next(each for each in OPERATIONS if each.name == name)


def test_catalogue_and_claims_have_no_faults(claims):
    assert problems(PARTS, claims) == []


def test_committed_page_is_fresh(claims):
    assert PAGE.read_text(encoding="utf-8") == document(PARTS, claims.proofs)


def test_page_shows_every_statement_with_its_proofs(claims):
    page = document(PARTS, claims.proofs)
    rows = [line for line in page.splitlines() if line.startswith("| ") and not line.endswith("| here | proof |")]
    assert all(f"### {section.title}\n" in page for part in PARTS for section in part.sections)
    for row, statement in zip(rows, STATEMENTS, strict=True):
        assert row.startswith(f"| {statement.says} | ")
        assert not statement.better or page.count(statement.better) >= 2
        links = row.rpartition(" | ")[2].split("<br>")
        assert len(links) == len(claims.proofs[statement.id])
        for link, test in zip(links, claims.proofs[statement.id], strict=True):
            assert link.removesuffix(" |").endswith(f"](../{test.partition('::')[0]})")


def test_links_within_the_page_resolve():
    page = document(PARTS, {})
    headings = [line.lstrip("# ") for line in page.splitlines() if line.startswith("#")]
    anchors = {
        "".join(letter for letter in heading.lower() if letter.isalnum() or letter in " -_").replace(" ", "-")
        for heading in headings
    }
    led_to = {end.partition(")")[0] for end in page.split("](#")[1:]}
    assert led_to <= anchors
    assert len(anchors) == len(headings)


def test_claims_are_read_from_decorators(collected):
    claims = collected(
        f"import pytest\n{IMPORT}"
        '@claim("pix.value", "pix.id")\n@pytest.mark.root\ndef test_one(): ...\n'
        '@pytest.mark.root\n@claim("pix.id")\n@claim("pix.code")\nasync def test_two(): ...\n'
    )
    one, two = "tests/unit/test_more.py::test_one", "tests/unit/test_more.py::test_two"
    assert claims == Claims(proofs={"pix.value": (one,), "pix.id": (one, two), "pix.code": (two,)})


@pytest.mark.parametrize(
    "source",
    [
        '@claim("pix.id")\ndef a_function(): ...',
        '@claim("pix.id")\nclass TestMore: ...',
        'class TestMore:\n    @claim("pix.id")\n    def test_more(self): ...',
        'def test_more():\n    @claim("pix.id")\n    def test_within(): ...',
        'if True:\n    @claim("pix.id")\n    def test_more(): ...',
        '@claim("pix.id")\ndef test_more(): ...\ndef test_more(): ...',
        "@claim\ndef test_more(): ...",
        'more = claim("pix.id")\n@more\ndef test_more(): ...',
    ],
)
def test_claim_outside_a_collected_test_is_a_fault(collected, source):
    claims = collected(IMPORT + source)
    assert claims.proofs == {}
    assert [fault.partition(" ")[2] for fault in claims.faults] == [
        "uses `claim` on something other than a test that pytest collects."
    ]


def test_claim_in_a_file_pytest_skips_is_a_fault(collected):
    claims = collected(f'{IMPORT}@claim("pix.id")\ndef test_more(): ...', file="more.py")
    fault = "tests/unit/more.py:2 uses `claim` on something other than a test that pytest collects."
    assert claims == Claims(proofs={}, faults=(fault,))


@pytest.mark.parametrize("arguments", ["", "PIX", "*PIX", 'f"pix.id"', "1", 'id="pix.id"', '"pix.id", PIX'])
def test_claim_without_literal_ids_is_a_fault(collected, arguments):
    [fault] = collected(f"{IMPORT}@claim({arguments})\ndef test_more(): ...").faults
    assert fault == "tests/unit/test_more.py:2 claims something other than ids in literal strings."


def test_repeated_claim_is_a_fault(collected):
    [fault] = collected(f'{IMPORT}@claim("pix.id", "pix.id")\ndef test_more(): ...').faults
    assert fault == "tests/unit/test_more.py:2 claims pix.id twice."


@pytest.mark.parametrize(
    "line",
    [
        "from tests.compatibility.claim import claim as proves",
        "from tests.compatibility import claim",
        "import tests.compatibility.claim",
    ],
)
def test_other_import_of_claim_is_a_fault(collected, line):
    [fault] = collected(f"{line}\ndef test_more(): ...").faults
    assert fault == (
        "tests/unit/test_more.py:1 does not import `claim` by `from tests.compatibility.claim import claim`."
    )


def test_fault_of_a_claim_is_a_problem(claims):
    assert problems(PARTS, replace(claims, faults=("A fault.",))) == ["A fault."]


def test_claim_returns_the_test_unchanged():
    names: dict[str, Any] = {}
    exec(f'{IMPORT}def test_more(): ...\nclaimed = claim("pix.id", "pix.code")(test_more)', names)
    assert names["claimed"] is names["test_more"]


@pytest.mark.parametrize("arguments", ["", '""', '"pix.id", ""', "1", "test_more"])
def test_claim_without_an_id_raises_a_type_error(arguments):
    with pytest.raises(TypeError, match="by their ids"):
        exec(f"{IMPORT}def test_more(): ...\nclaim({arguments})", {})


def test_claim_of_an_unknown_statement_is_a_problem(claims_and_one_more):
    assert problems(PARTS, claims_and_one_more) == [f"{PROOF} claims 'more.promise', which is not a statement."]


def test_statement_without_a_claim_is_a_problem(claims):
    assert problems(with_statement(), claims) == ["No test claims the statement more.promise."]


def test_two_statements_with_one_id_are_a_problem(claims):
    assert problems(with_statement(id="pix.id"), claims) == ["2 statements have the id pix.id."]


def test_unknown_operation_is_a_problem(claims_and_one_more):
    assert problems(with_statement(operations=("brewCoffee",)), claims_and_one_more) == [
        "The statement more.promise names the operation brewCoffee, which does not exist."
    ]


@pytest.mark.parametrize(
    ("fields", "wording"),
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
def test_unknown_field_or_status_is_a_problem(claims_and_one_more, fields, wording):
    parts = with_statement(operations=("createPix",), **fields)
    assert problems(parts, claims_and_one_more) == [f"The statement more.promise names {wording}."]


def test_fields_without_an_operation_are_a_problem(claims_and_one_more):
    [problem] = problems(with_statement(answers=("id",)), claims_and_one_more)
    assert "names fields or statuses, but no operation" in problem


@pytest.mark.parametrize(
    ("name", "field", "wording"),
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
def test_field_without_a_statement_is_a_problem(claims, name, field, wording):
    assert problems(without_field(name, field), claims) == [f"No statement names {wording}."]


def test_new_answer_field_without_a_statement_is_a_problem(claims):
    answers = operation("listMonitors").answers
    grown = msgspec.defstruct("MonitorList", [("colour", str)], bases=(answers[200].body,), kw_only=True)
    operations = operations_with("listMonitors", answers={200: replace(answers[200], body=grown)})
    assert "No statement names the field MonitorList.colour." in problems(PARTS, claims, operations=operations)


def test_new_parameter_without_a_statement_is_a_problem(claims):
    parameter = replace(operation("listMonitors").query[0], name="colour")
    operations = operations_with("listMonitors", query=(parameter, *operation("listMonitors").query))
    assert problems(PARTS, claims, operations=operations) == [
        "No statement names the parameter colour of listMonitors."
    ]


@pytest.mark.parametrize("tag", sorted(SURFACES))
def test_new_route_without_a_statement_is_a_problem(claims, tag):
    new = replace(operation("showHealth"), name="brewCoffee", tag=tag)
    assert problems(PARTS, claims, operations=[*OPERATIONS, new]) == ["No statement names brewCoffee."]


def test_route_that_lost_its_statements_is_a_problem(claims):
    parts, gone = without_statements(lambda statement: "showPixPicture" in statement.operations)
    assert problems(parts, without_proofs(claims, gone)) == ["No statement names showPixPicture."]


def test_route_outside_the_references_needs_no_statement(claims):
    new = replace(operation("showHealth"), name="brewCoffee")
    assert problems(PARTS, claims, operations=[*OPERATIONS, new]) == []


def test_wrong_label_is_a_problem(claims):
    def change(statement):
        is_approved = statement.label == ("approved", "Aprovado")
        return replace(statement, label=("approved", "Pago")) if is_approved else statement

    [problem] = problems(changed(change), claims)
    assert problem == "The status approved has the label 'Aprovado', but the statement 'Pago'."


def test_label_without_a_statement_is_a_problem(claims):
    [problem] = problems(PARTS, claims, labels={**LABELS, "on_hold": "Retido"})
    assert problem == "The status on_hold has the label 'Retido', but the statement None."
    parts, gone = without_statements(lambda statement: statement.label and statement.label[0] == "refunded")
    [problem] = problems(parts, without_proofs(claims, gone))
    assert problem == "The status refunded has the label 'Estornado', but the statement None."


def test_check_reports_a_missing_or_stale_page(claims, tmp_path, capsys):
    page = tmp_path / "compatibility.md"
    assert main(["--check"], claims=claims, page=page) == 1
    assert capsys.readouterr().out == "docs/compatibility.md is missing: run `make claims`.\n"
    assert main([], claims=claims, page=page) == 0
    assert main(["--check"], claims=claims, page=page) == 0
    assert capsys.readouterr().out == ""
    page.write_text(page.read_text(encoding="utf-8") + "\n", encoding="utf-8")
    assert main(["--check"], claims=claims, page=page) == 1
    assert capsys.readouterr().out == "docs/compatibility.md is stale: run `make claims`.\n"


def test_check_reports_claims_and_page_together(tmp_path, capsys):
    # Without an argument, `main` collects the claims of the tests.
    assert main(["--check"], parts=with_statement(), page=tmp_path / "compatibility.md") == 1
    assert len(capsys.readouterr().out.splitlines()) == 2


def test_unknown_argument_writes_no_page(tmp_path, capsys):
    page = tmp_path / "compatibility.md"
    assert main(["--chek"], page=page) == 2
    assert "usage" in capsys.readouterr().err
    assert not page.exists()
