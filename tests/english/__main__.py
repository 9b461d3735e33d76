"""`python -m tests.english [FILE …]` lists every fault of English, or those of some files and folders.

`--check` lists the exceptions too that no text needs. `--count` prints the faults by rule and the lengths of sentences.
"""

from __future__ import annotations

import sys
from typing import Final

from tests.english.checker import counts, report

OPTIONS: Final = ("--check", "--count")


def main(arguments: list[str]) -> int:
    """Run one of the three; 1 when something is wrong, 2 for an option that does not exist."""
    options = [word for word in arguments if word.startswith("-")]
    if options and (len(arguments) > 1 or options[0] not in OPTIONS):
        print("usage: python -m tests.english [--check | --count | FILE …]", file=sys.stderr)
        return 2
    checked = report()
    wrong: list[str] = []
    match arguments:
        case ["--check"]:
            wrong = [str(each) for each in checked.faults]
            wrong += [f"allowed.toml: no text of {each.path} needs “{each.text}”." for each in checked.unused]
        case ["--count"]:
            print(counts(checked))
        case _:
            places = tuple(path.removeprefix("./").rstrip("/") for path in arguments)
            wrong = [str(each) for each in checked.faults if not places or _is_below(each.path, places)]
    print(*wrong, sep="\n", end="\n" if wrong else "")
    return 1 if wrong else 0


def _is_below(path: str, places: tuple[str, ...]) -> bool:
    return any(path == place or path.startswith(f"{place}/") for place in places)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
