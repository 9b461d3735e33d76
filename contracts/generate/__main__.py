"""`python -m contracts.generate` writes the files into the checkout.

`--check` lists the stale files and does not write.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Final

from contracts.generate.files import stale_files, write

ROOT: Final = Path(__file__).parent.parent.parent


def main(arguments: list[str]) -> int:
    """Write the files, or with `--check` list the stale ones. Return 1 if a file is stale, 2 for other arguments."""
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
