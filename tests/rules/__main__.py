"""`python -m tests.rules` checks the rules of the core that neither the type checker nor the import checker can see.

- A match over events, commands or states names each of them: a wildcard is allowed as `assert_never` only.
- Only the command handler appends to the log, so that every event follows from a decision.
"""

from __future__ import annotations

import sys

from tests.rules.checker import problems


def main() -> int:
    """Print a line for each problem; returns the exit code."""
    found = problems()
    print(*found, sep="\n", end="\n" if found else "")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
