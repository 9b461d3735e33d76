"""The checker of English catches each rule's example, and ignores code, tables and Portuguese."""

from __future__ import annotations

import pytest

from tests.english.__main__ import main
from tests.english.blocks import blocks, sentences
from tests.english.checker import Allowance, allowances, counts, report
from tests.english.rules import COMMENTS, DOCSTRINGS, LOG_EVENTS, MARKDOWN, RULES, TEXTS
from tests.english.texts import ROOT, Text, files, of_file

each_rule = pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.name)

LONG = "The hub keeps " + "every " * 31 + "one event."


def broken_rules(text, *, kind=MARKDOWN, allowed=()):
    """Return the names of the rules that a text breaks."""
    return [fault.rule for fault in report([Text(kind, "README.md", 1, text)], allowed).faults]


def words_of(text):
    """Return the number of words of each sentence."""
    return [sentence.words for block in blocks(text) for sentence in sentences(block)]


@each_rule
def test_rule_catches_its_example(rule):
    assert rule.name in broken_rules(rule.catches, kind=min(rule.kinds))


@each_rule
def test_rule_passes_its_better_wording(rule):
    assert broken_rules(rule.passes, kind=min(rule.kinds)) == []


@each_rule
def test_rule_ignores_code(rule):
    code = "\n".join(["Run:", "", "```", rule.catches, "```", "", f"It is `{rule.catches}` there."])
    assert broken_rules(code) == []


def test_rules_have_distinct_names():
    assert len({rule.name for rule in RULES}) == len(RULES)


def test_sentence_of_36_words_is_too_long():
    assert (words_of(LONG), broken_rules(LONG)) == ([36], ["long-sentence"])
    assert broken_rules(LONG.replace("every ", "", 1)) == []


def test_code_span_counts_as_one_word():
    assert words_of("Run `make check and\nmake test` twice.") == [3]
    assert words_of("See [the page](docs/a-page.md).") == [3]


def test_full_stop_in_a_number_or_abbreviation_ends_no_sentence():
    assert words_of("A file, e.g. `a.md`, has 3.5 kB. `b` has none.") == [7, 3]


def test_headings_paragraphs_and_list_items_are_separate_sentences():
    text = "# Title of it\n\nOne two.\nThree\n- four five\n- six\n  seven\n\n| a | b |\n|---|---|\n"
    assert words_of(text) == [2, 1, 2, 2]


def test_heading_may_begin_with_a_question_word():
    assert broken_rules("## What is kept is listed") == []
    assert broken_rules("What is kept is listed.") == ["what-subject"]


def test_table_row_is_checked_for_phrases_only():
    row = f"| a | b |\n|---|---|\n| anew | {LONG} |"
    assert (words_of(row), broken_rules(row)) == ([], ["anew"])


def test_faults_show_the_line_of_the_file():
    text = Text(MARKDOWN, "README.md", 1, "# Title\n\nOne line,\nand anew in\nthe next.\n")
    (fault,) = report([text], []).faults
    assert str(fault) == "README.md:4: anew: “One line, and anew in the next.”: again, from the beginning."


def test_python_file_has_docstrings_comments_texts_and_log_events():
    source = '''"""A module."""
# One comment
# in two lines.
X = 1  # noqa: S101 - a reason
"""A variable."""

def f():
    """A function.

        indented code
    """
    log.info("relay_leads", text="# no comment")
    raise ValueError(f"The stream {X} is not there.")
    return "SELECT a FROM b", "O pagamento não existe ou expirou", "two words"
'''
    found = [(text.kind, text.line, text.text) for text in of_file("extrato/a.py", source)]
    assert (COMMENTS, 2, "One comment\nin two lines.") in found
    assert (DOCSTRINGS, 1, "A module.") in found
    assert (DOCSTRINGS, 5, "A variable.") in found
    assert (LOG_EVENTS, 12, "relay leads") in found
    assert [text for kind, _, text in found if kind == TEXTS] == ["The stream `value` is not there."]
    assert TEXTS not in {text.kind for text in of_file("tests/a.py", source)}


def test_generated_and_portuguese_files_are_not_checked():
    listed = files(ROOT)
    assert {"README.md", "contracts/errors/payments.py"} <= set(listed)
    assert not {"docs/errors.md", "docs/compatibility.md", "THIRD-PARTY.md"} & set(listed)
    assert not [path for path in listed if path.endswith(".pt-BR.md")]


def test_texts_of_errors_operations_and_help_are_checked():
    found = {
        text.text
        for path in ("contracts/errors/payments.py", "contracts/operations/pix.py", "services/cli/__main__.py")
        for text in of_file(path, (ROOT / path).read_text())
    }
    assert "A paid payment cannot be cancelled." in found
    assert "Create a Pix charge to the merchant's own key." in found
    assert "stop when the process that started this one is killed" in found


def test_allowance_permits_one_wording_in_one_file():
    allowance = Allowance("README.md", "nobody", "the user nobody", "It is the name of a system user.")
    assert broken_rules("Run it as the user nobody.", allowed=[allowance]) == []
    assert broken_rules("Then nobody runs it.", allowed=[allowance]) == ["nobody"]
    assert report([], [allowance]).unused == [allowance]


def test_every_allowance_has_a_reason():
    assert all(each.reason.strip() for each in allowances())


def test_counts_show_faults_by_rule_and_sentence_lengths():
    table = counts(report([Text(MARKDOWN, "README.md", 1, "Filled anew. One two three.")], []))
    rows = {line.split()[0]: line.split()[1:] for line in table.splitlines() if line}
    assert rows["anew"] == ["1", "1", "0", "0", "0", "0"]
    assert rows["Markdown"][:2] == ["2", "2"]


@pytest.mark.parametrize("arguments", [["--chek"], ["--check", "README.md"]])
def test_unknown_option_is_refused(arguments, capsys):
    assert main(arguments) == 2
    assert "usage:" in capsys.readouterr().err
