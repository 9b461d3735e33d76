"""The catalogue has exactly the errors that the code raises; the tests read the sources and do not run them."""

from __future__ import annotations

import ast
import string
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import pytest
from msgspec import Struct

import contracts
from contracts.api.request_fields import Code
from contracts.api.request_plan import plan_of
from contracts.errors import CATALOGUE, SUBJECTS, amounts
from contracts.errors.entry import Sentence
from contracts.operations import OPERATIONS
from extrato.domain.errors import Refused
from extrato.errors import ChargeWasRefused, NotFound

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from contracts.api.request_plan import FieldPlan

ROOT = Path(contracts.__file__).parent.parent
# The sandbox is left out: it answers with Mercado Pago's errors.
PARTS = ("contracts", "extrato", "services/cli", "services/gateway", "services/monitor", "services/projections")
# Arguments of errors that no sentence shows.
PARAMETERS = frozenset({"known", "names_all", "reason", "http_status", "retry_after_s"})
# Functions that raise an error for their callers, and its code.
RAISERS = {"raising_unavailable": "store_unavailable"}
# Functions of the gateway that refuse a body with the codes of its field types.
BODY_READERS = frozenset(
    {"read_struct", "convert_query", "joined", "invalid_body", "_field_error", "_with_name", "_malformed"}
)


class Raised(NamedTuple):
    """One line that makes an error. `code` is None if only the running program knows it; `why` picks the sentence."""

    place: str
    code: str | None
    why: str
    facts: frozenset[str]


class Sources:
    """The sources, and every error class in them with its bases and code."""

    def __init__(self, trees: dict[str, ast.Module]) -> None:
        self.trees = trees
        classes = [node for tree in trees.values() for node in ast.walk(tree) if isinstance(node, ast.ClassDef)]
        self.bases = {"CataloguedError": ""}
        while found := {
            each.name: base.id
            for each in classes
            for base in each.bases
            if isinstance(base, ast.Name) and base.id in self.bases and each.name not in self.bases
        }:
            self.bases |= found
        self.codes = {
            each.name: ast.literal_eval(line.value)
            for each in classes
            for line in each.body
            if each.name in self.bases and isinstance(line, ast.Assign) and ast.unparse(line.targets[0]) == "code"
        }

    def code_of(self, kind: str) -> str | None:
        """Return the code of a class or of its base; None if each error has its own code."""
        while kind and kind not in self.codes:
            kind = self.bases[kind]
        return self.codes.get(kind)

    def raised(self) -> list[Raised]:
        return [made for place, tree in self.trees.items() for made in self._in(tree, place, constants_of(tree))]

    def _in(self, node: ast.AST, place: str, constants: dict[str, str], within: str = "") -> list[Raised]:
        if isinstance(node, ast.ClassDef | ast.FunctionDef):
            within = node.name
        below = [made for child in ast.iter_child_nodes(node) for made in self._in(child, place, constants, within)]
        if isinstance(node, ast.Raise) and isinstance(node.exc, ast.Name) and node.exc.id in self.bases:
            node = ast.copy_location(ast.Call(func=node.exc, args=[], keywords=[]), node)
        if not isinstance(node, ast.Call):
            return below
        kind = ast.unparse(node.func)
        place = f"{place}:{node.lineno}"
        if kind in RAISERS:
            whys = [ast.literal_eval(each) for each in node.args] or [""]
            return below + [Raised(place, RAISERS[kind], why, frozenset()) for why in whys]
        if kind not in self.bases or within in RAISERS or within in BODY_READERS:
            return below + self._of_constructor(node, place, kind)
        given = {keyword.arg: keyword.value for keyword in node.keywords}
        facts = frozenset(name for name in given if name is not None) - PARAMETERS - {"why"}
        whys = literals(given["why"], constants) if "why" in given else [""]
        code = self.code_of(kind)
        codes = [code] if code is not None else literals(node.args[0], constants) if node.args else [None]
        if kind == "ListedPricesOnly":
            return below
        made = [Raised(place, each, why or "", facts) for each in codes for why in whys]
        if kind == "UnknownName":
            made += [Raised(place, each, "near", frozenset({"nearest"})) for each in codes]
            if "names_all" in given:
                made += [Raised(place, each, "listed", frozenset({"choices"})) for each in codes]
        return below + made

    @staticmethod
    def _of_constructor(node: ast.Call, place: str, kind: str) -> list[Raised]:
        """Return the error that a constructor makes with a literal code."""
        is_literal = node.args and isinstance(node.args[0], ast.Constant) and isinstance(node.args[0].value, str)
        if kind != "super().__init__" or not is_literal or node.args[0].value not in CATALOGUE:
            return []
        return [Raised(place, node.args[0].value, "", frozenset())]


def literals(node: ast.expr, constants: dict[str, str]) -> list[str | None]:
    """Return the possible texts of an expression; None for one that only the running program knows."""
    match node:
        case ast.Constant(value=str(text)):
            return [text]
        case ast.Name(id=name) if name in constants:
            return [constants[name]]
        case ast.IfExp():
            return literals(node.body, constants) + literals(node.orelse, constants)
    return [None]


def constants_of(tree: ast.Module) -> dict[str, str]:
    return {
        line.target.id: line.value.value
        for line in tree.body
        if isinstance(line, ast.AnnAssign)
        and isinstance(line.target, ast.Name)
        and isinstance(line.value, ast.Constant)
        and isinstance(line.value.value, str)
    }


def raised_by_bodies() -> list[Raised]:
    """Return the errors of each field of a request's body or query; errors of an amount have their limit as a fact."""
    bodies = {each.body for each in OPERATIONS if isinstance(each.body, type) and issubclass(each.body, Struct)}
    bodies |= {each.query_by for each in OPERATIONS if each.query_by is not None}
    return [made for body in bodies for made in _raised_by_fields(plan_of(body).fields, body.__name__)]


def _raised_by_fields(fields: Iterable[FieldPlan], place: str, *, in_list: bool = False) -> Iterator[Raised]:
    for field in fields:
        where = f"{place}.{field.name}"
        yield from _raised_by_fields(field.plan.fields if field.plan else (), where, in_list=in_list)
        yield from _raised_by_fields([field.items] if field.items else (), where, in_list=True)
        reader = field.reader
        if reader is None:
            continue
        codes = [reader.wrong_type, reader.out_of_bounds, reader.malformed] if field.is_nullable else reader[1:5]
        if reader.reading == "amount":
            codes = [Code(code, reader.malformed.why) for code in amounts.ENTRIES.keys() - {"amount_missing"}]
            codes += [] if field.is_nullable else [reader.missing]
        known = {
            "name": in_list or None,
            "minimum": field.minimum,
            "maximum": field.maximum,
            "limit": reader.maximum_centavos or None,
            "choices": field.choices or None,
        }
        for code, why in codes:
            names = names_in(CATALOGUE[code].sentences[why]) if has(code, why) else set()
            yield Raised(where, code, why, frozenset(name for name in names if known.get(name) is not None))


def sources_of(*texts: str) -> Sources:
    """Read texts as modules."""
    return Sources({str(number): ast.parse(text) for number, text in enumerate(texts)})


def names_in(sentence: Sentence) -> set[str]:
    return {name for text in sentence for _, name, _, _ in string.Formatter().parse(text) if name is not None}


def faults_of(raised: list[Raised]) -> list[str]:
    """Return one line for each difference between the raising lines and the catalogue."""
    faults, used, shown = [], set(), set()
    for made in raised:
        # A line without a literal code may raise every code that has a sentence for its `why`.
        codes = [made.code] if made.code is not None else [code for code in CATALOGUE if has(code, made.why)]
        if made.code is None and (not made.why or not codes):
            faults.append(f"{made.place} raises a code that only the running program knows, without a `why`.")
            continue
        for code in codes:
            if not has(code, made.why):
                faults.append(f"{made.place} raises {code} ({made.why or 'plain'}), which is not in the catalogue.")
                continue
            names = names_in(CATALOGUE[code].sentences[made.why]) - {"about", "english"}
            used.add((code, made.why))
            shown |= made.facts & names
            faults += [f"{made.place} lacks the fact {name} of {code}." for name in sorted(names - made.facts)]
            faults += [
                f"{made.place} has a fact {name} that no sentence of {code} shows."
                for name in sorted(made.facts - names)
            ]
    unused = {(code, why) for code, entry in CATALOGUE.items() for why in entry.sentences} - used
    return faults + [f"{code} ({why or 'plain'}) is never raised." for code, why in sorted(unused)]


def has(code: str, why: str) -> bool:
    return code in CATALOGUE and why in CATALOGUE[code].sentences


@pytest.fixture(scope="module")
def sources() -> Sources:
    files = [file for part in PARTS for file in sorted((ROOT / part).rglob("*.py"))]
    return Sources({str(file.relative_to(ROOT)): ast.parse(file.read_text(encoding="utf-8")) for file in files})


def test_catalogue_has_exactly_the_raised_errors(sources):
    assert faults_of([*sources.raised(), *raised_by_bodies()]) == []


def test_every_code_has_one_subject():
    assert sum(map(len, SUBJECTS.values())) == len(CATALOGUE)


@pytest.mark.parametrize("code", CATALOGUE)
def test_entry_is_complete(code):
    status, sentences, cause, remedy = CATALOGUE[code]
    assert 400 <= status < 600
    assert cause.endswith(".")
    assert remedy.endswith(".")
    for sentence in sentences.values():
        assert all(sentence)
        # The reference's sentences have no full stop at the end.
        assert not sentence.portuguese.endswith(".")
        assert names_in(Sentence(sentence.portuguese, "")) - {"english"} <= names_in(Sentence(sentence.english, "")) | {
            "about"
        }


@pytest.mark.parametrize(
    ("raising", "fault"),
    [
        ('raise Refused("never_heard_of")', "raises never_heard_of (plain), which is not in the catalogue."),
        (
            'raise Refused("payment_not_found", why="odd")',
            "raises payment_not_found (odd), which is not in the catalogue.",
        ),
        ('raise Refused("choose_attempt", "mp_payment_id")', "lacks the fact listed of choose_attempt."),
        ('raise Refused("reserved_slug", slug="-")', "has a fact slug that no sentence of reserved_slug shows."),
        ("raise Refused(code)", "raises a code that only the running program knows, without a `why`."),
        ('raise Moved(why="gone")', "raises conflict (gone), which is not in the catalogue."),
        ("raise Moved", "lacks the fact version of conflict."),
        ('error = Refused("too_many_items" if many else "invalid_items")', "lacks the fact maximum of too_many_items."),
    ],
)
def test_fault_of_a_raising_line_is_found(raising, fault):
    kinds = "class Refused(CataloguedError): ...\nclass Conflict(CataloguedError):\n    code = 'conflict'\n"
    raised = sources_of(kinds, "class Moved(Conflict): ...", raising).raised()
    assert f"2:1 {fault}" in faults_of(raised)


def test_code_that_no_line_raises_is_found():
    assert "reserved_slug (plain) is never raised." in faults_of([])


def test_error_formats_its_sentence_only_when_read():
    class Slow:
        formatted = 0

        def __format__(self, how: str) -> str:
            self.formatted += 1
            return "slow"

    maximum = Slow()
    error = Refused("too_many_items", "items", maximum=maximum)
    assert (error.code, error.about, maximum.formatted) == ("too_many_items", "items", 0)
    assert error.portuguese == "Um pedido tem no máximo slow itens"
    assert str(error) == error.message == "An order has at most slow items."


def test_facts_are_never_read_as_templates():
    error = NotFound("{facts} {0.code} %s", why="merchant")
    assert error.message == "Merchant '{facts} {0.code} %s' does not exist."
    assert ChargeWasRefused(1, words="{english} {words}").portuguese.endswith("recusou o pedido: {english} {words}")


def test_repr_of_an_error_has_its_sentence():
    assert repr(Refused("not_found")) == "Refused('This address does not exist.')"
