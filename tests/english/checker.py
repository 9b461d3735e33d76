"""Holds texts against the rules, and counts."""

from __future__ import annotations

import tomllib
from collections import Counter
from statistics import median, quantiles
from typing import TYPE_CHECKING, Final, NamedTuple

from tests.english.blocks import blocks, sentences
from tests.english.rules import KINDS, LOG_EVENTS, LONG_SENTENCE, LONGEST_SENTENCE_WORDS, RULES, SPLIT_IT
from tests.english.texts import ROOT, texts

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from tests.english.blocks import Block
    from tests.english.texts import Text

ALLOWED: Final = ROOT / "tests" / "english" / "allowed.toml"

# How many characters of the text a message shows before and after what was found.
CONTEXT: Final = 20

# Headings and rows of tables name a subject and have none.
OF_SUBJECTS: Final = ("who-subject", "what-subject")


class Fault(NamedTuple):
    """One place that breaks a rule."""

    path: str
    line: int
    kind: str
    rule: str
    found: str
    instead: str

    def __str__(self) -> str:
        return f"{self.path}:{self.line}: {self.rule}: “{self.found}”: {self.instead}."


class Report(NamedTuple):
    """All faults, the words of every sentence by kind, and the exceptions that no text needs."""

    faults: list[Fault]
    lengths: dict[str, list[int]]
    unused: list[Allowance]


class Allowance(NamedTuple):
    """A wording that a rule lets pass in one file, and the reason."""

    path: str
    rule: str
    text: str
    reason: str


def allowances() -> list[Allowance]:
    """Read the exceptions; raises `TypeError` for one without a reason."""
    return [Allowance(**each) for each in tomllib.loads(ALLOWED.read_text(encoding="utf-8")).get("allowed", [])]


def report(found: Iterable[Text] | None = None, allowed: Sequence[Allowance] | None = None) -> Report:
    """Check texts, by default all of the checkout."""
    permitted = allowances() if allowed is None else allowed
    faults: list[Fault] = []
    lengths: dict[str, list[int]] = {kind: [] for kind in KINDS}
    used: set[Allowance] = set()
    for text in texts() if found is None else found:
        exceptions = [each for each in permitted if each.path == text.path]
        for block in blocks(text.text, text.line, is_markdown=text.is_markdown):
            if text.kind != LOG_EVENTS:
                lengths[text.kind] += [sentence.words for sentence in sentences(block)]
            for fault in _faults(text, block):
                passing = [each for each in exceptions if each.rule == fault.rule and each.text in block.text]
                used |= set(passing)
                faults += [] if passing else [fault]
    return Report(faults, lengths, [each for each in permitted if each not in used])


def _faults(text: Text, block: Block) -> Iterator[Fault]:
    for rule in RULES:
        if text.kind not in rule.kinds or (rule.name in OF_SUBJECTS and not block.has_sentences):
            continue
        for match in rule.pattern.finditer(block.text):
            found = block.text[max(0, match.start() - CONTEXT) : match.end() + CONTEXT].strip()
            yield Fault(text.path, block.line_at(match.start()), text.kind, rule.name, found, rule.instead)
    if text.kind == LOG_EVENTS:
        return
    for sentence in sentences(block):
        if sentence.words > LONGEST_SENTENCE_WORDS:
            begins = " ".join(block.text[sentence.start :].split()[:6]) + " …"
            yield Fault(text.path, block.line_at(sentence.start), text.kind, LONG_SENTENCE, begins, SPLIT_IT)


def counts(checked: Report) -> str:
    """Return a table of every rule's faults by kind, and the lengths of sentences."""
    by_rule = Counter((fault.rule, fault.kind) for fault in checked.faults)
    names = [*(rule.name for rule in RULES), LONG_SENTENCE]
    lines = [f"{'rule':16}{'all':>7}" + "".join(f"{kind:>12}" for kind in KINDS)]
    for name in names:
        row = [by_rule[name, kind] for kind in KINDS]
        lines.append(f"{name:16}{sum(row):>7}" + "".join(f"{count:>12}" for count in row))
    totals = [sum(fault.kind == kind for fault in checked.faults) for kind in KINDS]
    lines += [f"{'together':16}{sum(totals):>7}" + "".join(f"{count:>12}" for count in totals), ""]
    lines.append(f"{'kind':16}{'sentences':>12}{'median':>8}{'90%':>8}{'longest':>9}")
    for kind, words in checked.lengths.items():
        if words:
            ninety = quantiles(words, n=10)[-1] if len(words) > 1 else words[0]
            lines.append(f"{kind:16}{len(words):>12}{median(words):>8.0f}{ninety:>8.0f}{max(words):>9}")
    return "\n".join(lines)
