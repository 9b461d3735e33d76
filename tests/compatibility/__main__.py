"""`python -m tests.compatibility` writes docs/compatibility.md; `--check` only lists the faults."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Final

from tests.compatibility.catalogue.parts import PARTS
from tests.compatibility.checker import problems
from tests.compatibility.collection import ROOT, collect
from tests.compatibility.document import document

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from tests.compatibility.collection import Claims
    from tests.compatibility.statement import Part

PAGE: Final = ROOT / "docs" / "compatibility.md"


def main(
    arguments: list[str], *, parts: Sequence[Part] = PARTS, claims: Claims | None = None, page: Path = PAGE
) -> int:
    """Write the page, or with `--check` compare it. Return 1 if there are faults, 2 for other arguments.

    By default, `claims` are those of the tests.
    """
    if arguments not in ([], ["--check"]):
        print("usage: python -m tests.compatibility [--check]", file=sys.stderr)
        return 2
    claims = claims or collect()
    wrong = problems(parts, claims)
    text = document(parts, claims.proofs)
    if arguments:
        wrong += _stale(text, page)
    else:
        page.write_text(text, encoding="utf-8")
    print(*wrong, sep="\n", end="\n" if wrong else "")
    return 1 if wrong else 0


def _stale(text: str, page: Path) -> list[str]:
    if not page.exists():
        return [f"docs/{page.name} is missing: run `make claims`."]
    if page.read_text(encoding="utf-8") != text:
        return [f"docs/{page.name} is stale: run `make claims`."]
    return []


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
