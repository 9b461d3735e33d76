"""Numbers of advisory locks: two purposes with one number would wait for each other."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Final

from extrato.store import advisory_locks

ROOT: Final = Path(__file__).parents[2]
NUMBERS: Final = {name: value for name, value in vars(advisory_locks).items() if name.isupper()}


def test_each_lock_has_a_number_of_its_own():
    assert len(set(NUMBERS.values())) == len(NUMBERS) > 3


def test_no_other_program_text_has_a_number_of_a_lock():
    number = re.compile(r"7_?301_?984")
    sources = [path for folder in ("extrato", "services") for path in (ROOT / folder).rglob("*.py")]

    assert [path.name for path in sources if number.search(path.read_text(encoding="utf-8"))] == ["advisory_locks.py"]
