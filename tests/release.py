"""`python -m tests.release` checks that this commit can be released, and prints the commands that tag it."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Final, NamedTuple

from contracts import __version__
from tests.changelog import UNRELEASED, releases, sections

ROOT: Final = Path(__file__).parents[1]
BRANCH: Final = "main"


class Checkout(NamedTuple):
    """The facts of git about a checkout: changed or unknown files, the branch, and all tags."""

    changed: tuple[str, ...]
    branch: str
    tags: tuple[str, ...]


def checkout(root: Path = ROOT) -> Checkout:
    """Read the facts from git."""

    def lines(*words: str) -> tuple[str, ...]:
        run = subprocess.run(["git", *words], cwd=root, capture_output=True, text=True, check=True)
        return tuple(run.stdout.splitlines())

    return Checkout(lines("status", "--porcelain"), "".join(lines("branch", "--show-current")), lines("tag"))


def shown_versions(root: Path = ROOT) -> dict[str, str]:
    """Return the version in each file that shows it."""
    latest = next((section.version for section in releases((root / "CHANGELOG.md").read_text())), "")
    documents = ("contracts/openapi.json", "contracts/asyncapi.json")
    shown = {path: json.loads((root / path).read_text())["info"]["version"] for path in documents}
    return {**shown, "CHANGELOG.md": latest}


def problems(found: Checkout, changelog: str, shown: dict[str, str], version: str = __version__) -> list[str]:
    """Return one sentence for each reason not to release."""
    wrong = []
    if found.changed:
        wrong.append(f"The checkout has uncommitted files: {', '.join(line[3:] for line in found.changed)}.")
    if found.branch != BRANCH:
        wrong.append(f"The branch is {found.branch or 'none'}, and releases come from {BRANCH}.")
    if f"v{version}" in found.tags:
        wrong.append(f"The tag v{version} exists: raise `__version__` in contracts/__init__.py.")
    wrong += [f"{path} shows {each}, and the version is {version}." for path, each in shown.items() if each != version]
    if not any(section.version == version and section.date for section in releases(changelog)):
        wrong.append(f"CHANGELOG.md has no section `## [{version}] - YYYY-MM-DD`.")
    if any(section.version == UNRELEASED and section.text for section in sections(changelog)):
        wrong.append(f"CHANGELOG.md has unreleased entries: move them to {version}.")
    return wrong


def main() -> int:
    """Print the reasons not to release, or the commands. Return 1 if there are reasons."""
    wrong = problems(checkout(), (ROOT / "CHANGELOG.md").read_text(), shown_versions())
    if wrong:
        print(*wrong, sep="\n", file=sys.stderr)
        return 1
    print(f"Extrato {__version__} can be released:")
    print(f'  git tag --annotate v{__version__} --message "Extrato {__version__}"')
    print(f"  git push origin v{__version__}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
