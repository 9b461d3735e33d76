"""The catalogue of errors says what is raised, all of it and nothing else: the sources are read, not run."""

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
from contracts.errors import CATALOGUE, SUBJECTS, money
from contracts.errors.entry import Sentence
from contracts.operations import OPERATIONS
from extrato.domain.errors import Refused
from extrato.errors import ChargeWasRefused, NotFound

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from contracts.api.request_plan import FieldPlan

ROOT = Path(contracts.__file__).parent.parent
# The sandbox speaks as Mercado Pago does, with errors of its own.
PARTS = ("contracts", "extrato", "services/cli", "services/gateway", "services/monitor", "services/projections")
# What an error says of itself, which no sentence shows.
PARAMETERS = frozenset({"known", "names_all", "reason", "http_status", "retry_after_s"})
# Functions that raise for their callers: the code, and the facts that their calls choose.
RAISERS = {"raising_unavailable": "store_unavailable"}
# Functions of the gateway that refuse a body with the codes of its fields' types.
BODY_READERS = frozenset({"read_struct", "_refused", "_named", "_malformed"})


class Raised(NamedTuple):
    """One place where an error is made. `code` is None where the place is given it; `why` picks the sentence."""

    place: str
    code: str | None
    why: str
    facts: frozenset[str]


class Sources:
    """The sources, and every class of errors in them with its bases and code."""

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
        """Give the code of a class, its own or a base's; None where each error is given one."""
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
        """Find the code that a class gives itself."""
        is_literal = node.args and isinstance(node.args[0], ast.Constant) and isinstance(node.args[0].value, str)
        if kind != "super().__init__" or not is_literal or node.args[0].value not in CATALOGUE:
            return []
        return [Raised(place, node.args[0].value, "", frozenset())]


def literals(node: ast.expr, constants: dict[str, str]) -> list[str | None]:
    """Give the texts that an expression may be; None for one that only the running program knows."""
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
    """Find what each field of a request's body is refused with; an amount's errors have their limit as a fact."""
    bodies = {each.body for each in OPERATIONS if isinstance(each.body, type) and issubclass(each.body, Struct)}
    return [made for body in bodies for made in _raised_by_fields(plan_of(body).fields, body.__name__)]


def _raised_by_fields(fields: Iterable[FieldPlan], place: str, *, in_list: bool = False) -> Iterator[Raised]:
    for field in fields:
        where = f"{place}.{field.name}"
        yield from _raised_by_fields(field.plan.fields if field.plan else (), where, in_list=in_list)
        yield from _raised_by_fields([field.items] if field.items else (), where, in_list=True)
        reader = field.reader
        if reader is None:
            continue
        codes = [reader.kind, reader.bounds, reader.form] if field.is_nullable else reader[1:5]
        if reader.reading == "amount":
            codes = [Code(code, reader.form.why) for code in money.ENTRIES.keys() - {"amount_missing"}]
            codes += [] if field.is_nullable else [reader.missing]
        known = {"name": in_list, "minimum": field.minimum, "maximum": field.maximum, "limit": reader.maximum_centavos}
        for code, why in codes:
            told = names_in(CATALOGUE[code].sentences[why]) if has(code, why) else set()
            yield Raised(where, code, why, frozenset(name for name in told if known.get(name)))


def sources_of(*texts: str) -> Sources:
    """Read texts as modules, beside the base of all errors."""
    return Sources({str(number): ast.parse(text) for number, text in enumerate(texts)})


def names_in(sentence: Sentence) -> set[str]:
    return {name for text in sentence for _, name, _, _ in string.Formatter().parse(text) if name is not None}


def faults_of(raised: list[Raised]) -> list[str]:
    """Say in a line each what the places and the catalogue do not agree about."""
    faults, used, shown = [], set(), set()
    for made in raised:
        # A place that is given its code may be given any that has its sentence.
        codes = [made.code] if made.code is not None else [code for code in CATALOGUE if has(code, made.why)]
        if made.code is None and (not made.why or not codes):
            faults.append(
                f"{made.place} raises a code that only the running program knows, without a `why` of its own."
            )
            continue
        for code in codes:
            if not has(code, made.why):
                faults.append(f"{made.place} raises {code} ({made.why or 'plain'}), which is not in the catalogue.")
                continue
            names = names_in(CATALOGUE[code].sentences[made.why]) - {"about", "english"}
            used.add((code, made.why))
            shown |= made.facts & names
            faults += [f"{made.place} gives no {name} to {code}." for name in sorted(names - made.facts)]
            faults += [
                f"{made.place} gives {code} a {name} that it never tells." for name in sorted(made.facts - names)
            ]
    unused = {(code, why) for code, entry in CATALOGUE.items() for why in entry.sentences} - used
    return faults + [f"{code} ({why or 'plain'}) is raised nowhere." for code, why in sorted(unused)]


def has(code: str, why: str) -> bool:
    return code in CATALOGUE and why in CATALOGUE[code].sentences


@pytest.fixture(scope="module")
def sources() -> Sources:
    files = [file for part in PARTS for file in sorted((ROOT / part).rglob("*.py"))]
    return Sources({str(file.relative_to(ROOT)): ast.parse(file.read_text(encoding="utf-8")) for file in files})


def test_the_catalogue_says_what_is_raised_and_nothing_else(sources):
    assert faults_of([*sources.raised(), *raised_by_bodies()]) == []


def test_every_code_stands_under_one_subject():
    assert sum(map(len, SUBJECTS.values())) == len(CATALOGUE)


@pytest.mark.parametrize("code", CATALOGUE)
def test_an_entry_is_whole(code):
    status, sentences, cause, remedy = CATALOGUE[code]
    assert 400 <= status < 600
    assert cause.endswith(".")
    assert remedy.endswith(".")
    for sentence in sentences.values():
        assert all(sentence)
        # The Portuguese ends as the reference's answers do.
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
        ('raise Refused("choose_attempt", "mp_payment_id")', "gives no listed to choose_attempt."),
        ('raise Refused("reserved_slug", slug="-")', "gives reserved_slug a slug that it never tells."),
        ("raise Refused(code)", "raises a code that only the running program knows, without a `why` of its own."),
        ('raise Moved(why="gone")', "raises conflict (gone), which is not in the catalogue."),
        ("raise Moved", "gives no version to conflict."),
        ('error = Refused("too_many_items" if many else "invalid_items")', "gives no maximum to too_many_items."),
    ],
)
def test_a_fault_at_a_place_is_found(raising, fault):
    kinds = "class Refused(CataloguedError): ...\nclass Conflict(CataloguedError):\n    code = 'conflict'\n"
    raised = sources_of(kinds, "class Moved(Conflict): ...", raising).raised()
    assert f"2:1 {fault}" in faults_of(raised)


def test_a_code_that_is_raised_nowhere_is_found():
    assert "reserved_slug (plain) is raised nowhere." in faults_of([])


def test_nothing_is_formatted_until_it_is_told():
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


def test_what_a_caller_wrote_is_told_and_never_taken_for_a_template():
    error = NotFound("{facts} {0.code} %s", why="merchant")
    assert error.message == "Merchant '{facts} {0.code} %s' does not exist."
    assert ChargeWasRefused(1, words="{english} {words}").portuguese.endswith("recusou o pedido: {english} {words}")


def test_an_error_shows_itself_by_its_sentence():
    assert repr(Refused("not_found")) == "Refused('This address does not exist.')"
