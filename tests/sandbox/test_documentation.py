"""docs/reference/sandbox.md lists every control route, fault, outcome and setting, and its commands work."""

from __future__ import annotations

import json
import re
from pathlib import Path

import msgspec
import pytest

from services.sandbox.control.outcomes import OUTCOMES, OutcomeRequest
from services.sandbox.pages import ticket
from services.sandbox.pages.checkout import CHOICES
from services.sandbox.routes import CONTROL_ROUTES, OPEN_ROUTES
from services.sandbox.state.faults import ErrorKind, Faults

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "reference" / "sandbox.md").read_text(encoding="utf-8")
COMMAND = re.compile(
    r"^\$ curl -s (?:-X ([A-Z]+) )?http://127\.0\.0\.1:8001/_sandbox/(\S+) .*?-d '(.*?)'$", re.MULTILINE | re.DOTALL
)
# Fields that select what to pay, and the outcome: the table of `pay` does not list them.
TARGETS = {"external_reference", "preference_id", "payment_id", "order_id", "outcome"}


def rows(heading):
    """Return the rows of the table below a heading, as lists of cells."""
    section = re.split(r"^## ", PAGE, flags=re.MULTILINE)
    (text,) = (each for each in section if each.startswith(f"{heading}\n"))
    return [line.strip("| ").split(" | ") for line in text.splitlines() if line.startswith("| `")]


def test_every_control_route_is_documented():
    documented = {
        (method, re.sub(r"[{?].*", "", path))
        for methods, path in re.findall(r"`((?:GET|PUT|POST)(?:`, `PUT)?) (/_sandbox/[^`]*)`", PAGE)
        for method in re.findall("[A-Z]+", methods)
    } | {("GET", "/_sandbox/faults")}
    routes = {
        (method, re.sub(r"\{.*", "", path))
        for method, path, _ in (*OPEN_ROUTES, *CONTROL_ROUTES)
        if path.startswith("/_sandbox/")
    }
    assert documented == routes
    assert "`PUT /_sandbox/faults` sets the faults in its body and keeps the others; `GET` shows all of them." in PAGE


def test_every_fault_is_documented_with_its_default():
    documented = {name.strip("`"): json.loads(default.strip("`")) for name, default, _ in rows("Faults")}
    assert documented == msgspec.to_builtins(Faults())
    assert all(f"`{kind}`" in PAGE for kind in ErrorKind.__args__)


def test_every_outcome_and_field_of_pay_is_documented():
    assert all(f"`{outcome}`" in PAGE for outcome in OUTCOMES)
    assert {cells[0].strip("`") for cells in rows("Pay by a command")} == set(
        OutcomeRequest.__struct_fields__
    ) - TARGETS
    assert all(f"`{name}`" in PAGE for name in TARGETS - {"outcome"})


def test_every_button_is_documented():
    assert all(label in PAGE for choices in (CHOICES, ticket.CHOICES) for _, _, label in choices.values())


def test_every_setting_is_documented():
    settings = set(re.findall(r"EXTRATO_SANDBOX_[A-Z_]+", (ROOT / "services/sandbox/state/settings.py").read_text()))
    documented = {name for cells in rows("Settings") for name in re.findall(r"EXTRATO_[A-Z_]+", cells[0])}
    assert documented == {name for name in settings if not name.endswith("_")}


def test_tests_run_every_documented_command():
    assert len(COMMAND.findall(PAGE)) == PAGE.count("$ curl ") == 8


async def test_documented_commands_pay_and_dispute(sandbox):
    await sandbox.preference(external_reference="PED-1")
    for method, path, body in COMMAND.findall(PAGE):
        status, answer = await sandbox.control(method or "POST", path, json.loads(body.replace("…", "PED-1")))
        assert status == 200, (path, body, answer)
    sums = (await sandbox.money("PED-1"))["by_currency"]
    assert {currency: sum(amounts.values()) for currency, amounts in sums.items()} == {
        "BRL": 750 + 750 + 250,
        "ARS": 750,
    }
    assert sums["BRL"]["held_centavos"] + sums["ARS"]["held_centavos"] == 2500
    assert (await sandbox.control("GET", "faults"))[1] == msgspec.to_builtins(Faults())


@pytest.mark.parametrize("method", ["pix", "card", "debit_card", "boleto", "account_money", "master"])
async def test_every_documented_method_pays(sandbox, method):
    preference = await sandbox.preference()
    paid = await sandbox.pay(preference_id=preference["id"], outcome="approved", method=method)
    assert paid["status"] == "approved"
