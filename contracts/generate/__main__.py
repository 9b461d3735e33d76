"""`python -m contracts.generate` writes the files into the checkout.

With `--check` it writes nothing, and says in one sentence each which of them are stale.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Final

from contracts.generate.files import stale_files, write

ROOT: Final = Path(__file__).parent.parent.parent


def main(arguments: list[str]) -> int:
    """Write the files, or with `--check` say which differ; 1 when one does, 2 for anything else asked."""
    match arguments:
        case []:
            write(ROOT)
            return 0
        case ["--check"]:
            stale = stale_files(ROOT)
            print(*stale, sep="\n", end="\n" if stale else "")  # noqa: T201 - this is the answer
            return 1 if stale else 0
        case _:
            print("usage: python -m contracts.generate [--check]", file=sys.stderr)  # noqa: T201
            return 2


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
