"""The links of the documents resolve, and the reference pages are complete."""

from __future__ import annotations

import re
import shlex

import pytest

from contracts.events import EVENTS
from contracts.payment_status import ALERTS, KNOWN
from services.cli.__main__ import _parser
from services.gateway.api.response_bodies import LABELS
from services.gateway.pages.texts import LINK, PIX, RETURN
from tests import documents
from tests.documents import EVENTS as EVENTS_PAGE
from tests.documents import (
    MONEY,
    OPERATOR,
    PAGES,
    README,
    RELIABILITY,
    ROOT,
    SERVICE_GUIDE,
    SETTINGS,
    Link,
    anchors,
    links,
    section,
    text_of,
)

LINKS = sorted({link for page in PAGES for link in links(page)})
INTERNAL = {"EXTRATO_SANDBOX_"}


def alerts():
    return set(re.findall(r"^\| `(\w+)`", section(MONEY, "Alerts"), re.MULTILINE))


@pytest.mark.parametrize("link", LINKS, ids=lambda link: f"{link.page}:{link.target.name}#{link.anchor}")
def test_link_resolves(link: Link):
    assert link.target.exists()
    assert not link.anchor or link.anchor in anchors(link.target)


def test_every_document_is_reachable_from_the_index():
    index = ROOT / "docs" / "README.md"
    found, new = {index}, [index]
    while new:
        page = str(new.pop().relative_to(ROOT))
        targets = {link.target for link in links(page)} - found
        found |= targets
        new += [target for target in targets if target.suffix == ".md"]
    documents_there = {path for path in (ROOT / "docs").rglob("*") if path.is_file()}
    assert documents_there - found == set()


def test_every_fault_names_a_test_that_exists():
    rows = [row.split(" | ") for row in text_of(RELIABILITY).splitlines() if row.startswith("| ")]
    promises = [row for row in rows if len(row) >= 4 and row[2] != "proved by"]
    for row in promises:
        assert re.fullmatch(r"`tests/[\w/]+\.py`(?:, `tests/[\w/]+\.py`)*", row[2]), row[0]
    assert len(promises) > 40


@pytest.mark.parametrize("page", PAGES)
def test_every_named_test_file_exists(page):
    named = set(re.findall(r"`(tests/[\w/]+\.py)`", text_of(page)))
    assert {name for name in named if not (ROOT / name).exists()} == set()


def test_anchors_are_those_of_github(tmp_path):
    page = tmp_path / "page.md"
    page.write_text("# `GET /a_b/{id}`: [Ação](x.md)!\n\n```\n# no heading\n```\n\n## Pix\n\n## Pix\n")
    assert anchors(page) == {"get-a_bid-ação", "pix", "pix-1"}


def test_every_setting_is_documented():
    read = {
        name
        for folder in ("extrato", "services/cli")
        for path in (ROOT / folder).rglob("*.py")
        for name in re.findall(r"EXTRATO_[A-Z_]+", path.read_text(encoding="utf-8"))
    }
    assert {name for name in read - INTERNAL if name not in text_of(SETTINGS) + text_of(documents.SANDBOX)} == set()


def test_every_event_is_documented():
    described = set(re.findall(r"`([A-Z]\w+)`", text_of(EVENTS_PAGE)))
    assert {event.__name__ for event in EVENTS} - described == set()


@pytest.mark.parametrize("page", [MONEY, SERVICE_GUIDE])
def test_every_status_and_alert_is_explained(page):
    assert {word for word in (*KNOWN, *alerts()) if f"`{word}`" not in text_of(page)} == set()


def test_money_page_lists_every_alert():
    assert {*ALERTS.values(), "partially_paid", "overpaid", "provider_contradicts", "refund_reversed"} == alerts()


def test_service_guide_has_every_label_and_page_heading():
    words = {*LABELS.values(), *(each.title for page in (PIX, LINK, RETURN) for each in page.values())}
    assert {each for each in words if each not in text_of(SERVICE_GUIDE)} == set()


@pytest.mark.parametrize("record", sorted((ROOT / "docs" / "decisions").glob("0*.md")), ids=lambda path: path.stem)
def test_decision_has_the_required_form(record):
    text = record.read_text(encoding="utf-8")
    assert text.startswith(f"# {int(record.name[:4])}. ")
    assert re.search(r"^Date: \d{4}-\d\d-\d\d · Status: \w+", text, re.MULTILINE)
    assert re.findall(r"^## (.+)$", text, re.MULTILINE) == ["Context", "Decision", "Consequences"]


@pytest.mark.parametrize("page", [README, OPERATOR])
def test_documented_command_is_accepted(page):
    for command in documents.commands(text_of(page), "extrato"):
        _parser().parse_args(shlex.split(command, comments=True)[1:])
    assert len(documents.commands(text_of(OPERATOR), "extrato")) > 10
