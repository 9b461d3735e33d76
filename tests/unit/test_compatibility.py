"""The page about the references is fresh, and the checker that says so can say otherwise."""

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
PROOF = "tests/unit/test_compatibility.py::test_nothing_is_wrong"


@pytest.fixture(scope="module")
def claims() -> Claims:
    """What the tests of this checkout claim."""
    return collect()


@pytest.fixture(scope="module")
def claims_and_one_more(claims) -> Claims:
    """A proof too for the statement that `with_statement` adds."""
    return replace(claims, proofs={**claims.proofs, "more.promise": (PROOF,)})


@pytest.fixture
def collected(tmp_path):
    """Give the claims of one file of tests."""

    def collected(source: str, *, file: str = "test_more.py") -> Claims:
        path = tmp_path / "tests" / "unit" / file
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(source, encoding="utf-8")
        return collect(tmp_path)

    return collected


def with_statement(**fields: Any) -> tuple[Part, ...]:
    """The catalogue, and one more statement."""
    statement = Statement(**{"id": "more.promise", "says": "A promise.", **fields})
    return (*PARTS, Part(title="More", intro="", sections=(Section(title="More", statements=(statement,)),)))


def changed(change) -> tuple[Part, ...]:
    """The catalogue, each statement as `change` gives it back; without those of which it gives None."""

    def of_section(section):
        statements = (change(statement) for statement in section.statements)
        return replace(section, statements=tuple(statement for statement in statements if statement is not None))

    return tuple(replace(part, sections=tuple(of_section(section) for section in part.sections)) for part in PARTS)


def without_field(name: str, field: str) -> tuple[Part, ...]:
    """The catalogue, of which no statement names a field of an operation."""

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
    """The operations, of which one is changed."""
    return [replace(each, **changes) if each.name == name else each for each in OPERATIONS]


def operation(name: str) -> Any:
    return next(each for each in OPERATIONS if each.name == name)


def test_nothing_is_wrong(claims):
    assert problems(PARTS, claims) == []


def test_the_committed_page_is_what_would_be_written(claims):
    assert PAGE.read_text(encoding="utf-8") == document(PARTS, claims.proofs)


def test_every_statement_is_on_the_page_with_its_proofs(claims):
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


def test_every_link_within_the_page_leads_somewhere():
    page = document(PARTS, {})
    headings = [line.lstrip("# ") for line in page.splitlines() if line.startswith("#")]
    anchors = {
        "".join(letter for letter in heading.lower() if letter.isalnum() or letter in " -_").replace(" ", "-")
        for heading in headings
    }
    led_to = {end.partition(")")[0] for end in page.split("](#")[1:]}
    assert led_to <= anchors
    assert len(anchors) == len(headings)


def test_claims_are_read_from_the_decorators_of_tests(collected):
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
def test_a_claim_on_what_is_not_collected_as_a_test_is_noticed(collected, source):
    claims = collected(IMPORT + source)
    assert claims.proofs == {}
    assert [fault.partition(" ")[2] for fault in claims.faults] == [
        "uses `claim` elsewhere than on a test that pytest collects."
    ]


def test_a_claim_in_a_file_that_is_not_collected_is_noticed(collected):
    claims = collected(f'{IMPORT}@claim("pix.id")\ndef test_more(): ...', file="more.py")
    fault = "tests/unit/more.py:2 uses `claim` elsewhere than on a test that pytest collects."
    assert claims == Claims(proofs={}, faults=(fault,))


@pytest.mark.parametrize("arguments", ["", "PIX", "*PIX", 'f"pix.id"', "1", 'id="pix.id"', '"pix.id", PIX'])
def test_a_claim_that_is_not_in_literal_strings_is_noticed(collected, arguments):
    [fault] = collected(f"{IMPORT}@claim({arguments})\ndef test_more(): ...").faults
    assert fault == "tests/unit/test_more.py:2 claims something else than ids in literal strings."


def test_a_statement_that_a_test_claims_twice_is_noticed(collected):
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
def test_an_import_after_which_claims_are_not_read_is_noticed(collected, line):
    [fault] = collected(f"{line}\ndef test_more(): ...").faults
    assert fault == (
        "tests/unit/test_more.py:1 does not import `claim` by `from tests.compatibility.claim import claim`."
    )


def test_a_fault_of_a_claim_is_a_problem(claims):
    assert problems(PARTS, replace(claims, faults=("A fault.",))) == ["A fault."]


def test_a_claim_leaves_its_test_as_it_is():
    names: dict[str, Any] = {}
    exec(f'{IMPORT}def test_more(): ...\nclaimed = claim("pix.id", "pix.code")(test_more)', names)
    assert names["claimed"] is names["test_more"]


@pytest.mark.parametrize("arguments", ["", '""', '"pix.id", ""', "1", "test_more"])
def test_a_claim_without_an_id_stops_the_import_of_its_test(arguments):
    with pytest.raises(TypeError, match="by their ids"):
        exec(f"{IMPORT}def test_more(): ...\nclaim({arguments})", {})


def test_a_claim_of_an_unknown_statement_is_noticed(claims_and_one_more):
    assert problems(PARTS, claims_and_one_more) == [f"{PROOF} claims 'more.promise', which is no statement."]


def test_a_statement_that_no_test_claims_is_noticed(claims):
    assert problems(with_statement(), claims) == ["No test claims the statement more.promise."]


def test_two_statements_with_one_id_are_noticed(claims):
    assert problems(with_statement(id="pix.id"), claims) == ["2 statements have the id pix.id."]


def test_an_operation_that_does_not_exist_is_noticed(claims_and_one_more):
    assert problems(with_statement(operations=("brewCoffee",)), claims_and_one_more) == [
        "The statement more.promise names the operation brewCoffee, which does not exist."
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
def test_a_field_or_status_that_an_operation_does_not_have_is_noticed(claims_and_one_more, fields, told):
    parts = with_statement(operations=("createPix",), **fields)
    assert problems(parts, claims_and_one_more) == [f"The statement more.promise names {told}."]


def test_fields_of_no_operation_are_noticed(claims_and_one_more):
    [problem] = problems(with_statement(answers=("id",)), claims_and_one_more)
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
def test_a_field_that_no_statement_names_is_noticed(claims, name, field, told):
    assert problems(without_field(name, field), claims) == [f"No statement names {told}."]


def test_a_new_field_of_an_answer_is_noticed(claims):
    answers = operation("listMonitors").answers
    grown = msgspec.defstruct("MonitorList", [("colour", str)], bases=(answers[200].body,), kw_only=True)
    operations = operations_with("listMonitors", answers={200: replace(answers[200], body=grown)})
    assert "No statement names the field MonitorList.colour." in problems(PARTS, claims, operations=operations)


def test_a_new_query_parameter_is_noticed(claims):
    parameter = replace(operation("listMonitors").query[0], name="colour")
    operations = operations_with("listMonitors", query=(parameter, *operation("listMonitors").query))
    assert problems(PARTS, claims, operations=operations) == [
        "No statement names the parameter colour of listMonitors."
    ]


@pytest.mark.parametrize("tag", sorted(SURFACES))
def test_a_route_of_the_references_kind_that_no_statement_names_is_noticed(claims, tag):
    new = replace(operation("showHealth"), name="brewCoffee", tag=tag)
    assert problems(PARTS, claims, operations=[*OPERATIONS, new]) == ["No statement names brewCoffee."]


def test_a_route_whose_statements_were_taken_away_is_noticed(claims):
    parts, gone = without_statements(lambda statement: "showPixPicture" in statement.operations)
    assert problems(parts, without_proofs(claims, gone)) == ["No statement names showPixPicture."]


def test_a_route_of_another_kind_needs_no_statement(claims):
    new = replace(operation("showHealth"), name="brewCoffee")
    assert problems(PARTS, claims, operations=[*OPERATIONS, new]) == []


def test_a_label_that_is_not_the_hubs_is_noticed(claims):
    def change(statement):
        is_approved = statement.label == ("approved", "Aprovado")
        return replace(statement, label=("approved", "Pago")) if is_approved else statement

    [problem] = problems(changed(change), claims)
    assert problem == "The status approved is labelled 'Aprovado', and stated to be 'Pago'."


def test_a_label_that_no_statement_names_is_noticed(claims):
    [problem] = problems(PARTS, claims, labels={**LABELS, "on_hold": "Retido"})
    assert problem == "The status on_hold is labelled 'Retido', and stated to be None."
    parts, gone = without_statements(lambda statement: statement.label and statement.label[0] == "refunded")
    [problem] = problems(parts, without_proofs(claims, gone))
    assert problem == "The status refunded is labelled 'Estornado', and stated to be None."


def test_a_page_that_is_missing_or_stale_is_told_in_a_sentence(claims, tmp_path, capsys):
    page = tmp_path / "compatibility.md"
    assert main(["--check"], claims=claims, page=page) == 1
    assert capsys.readouterr().out == "docs/compatibility.md is missing: run `make claims`.\n"
    assert main([], claims=claims, page=page) == 0
    assert main(["--check"], claims=claims, page=page) == 0
    assert capsys.readouterr().out == ""
    page.write_text(page.read_text(encoding="utf-8") + "\n", encoding="utf-8")
    assert main(["--check"], claims=claims, page=page) == 1
    assert capsys.readouterr().out == "docs/compatibility.md is stale: run `make claims`.\n"


def test_the_check_tells_of_wrong_claims_and_of_the_page(tmp_path, capsys):
    # What the tests claim is collected where it is not given.
    assert main(["--check"], parts=with_statement(), page=tmp_path / "compatibility.md") == 1
    assert len(capsys.readouterr().out.splitlines()) == 2


def test_an_unknown_argument_is_refused_and_writes_nothing(tmp_path, capsys):
    page = tmp_path / "compatibility.md"
    assert main(["--chek"], page=page) == 2
    assert "usage" in capsys.readouterr().err
    assert not page.exists()
