"""Reads the documents: pages, sections, code blocks, commands and links."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT = Path(__file__).parents[1]

README = "README.md"
SHOP = "docs/guides/shop-developer.md"
OPERATOR = "docs/guides/operator.md"
SUBSCRIBER = "docs/guides/subscriber.md"
ACCOUNTING = "docs/guides/accounting.md"
API = "docs/api.md"
SANDBOX = "docs/reference/sandbox.md"
SETTINGS = "docs/reference/settings.md"
METRICS = "docs/reference/metrics.md"
EVENTS = "docs/reference/events.md"
MONEY = "docs/reference/money.md"
PRIVACY = "docs/privacy.md"
RELIABILITY = "docs/reliability.md"
SERVICE_GUIDE = "docs/guias/atendimento.md"

PAGES = (
    README,
    "ARCHITECTURE.md",
    "CONTRIBUTING.md",
    "SECURITY.md",
    "CHANGELOG.md",
    *sorted(str(path.relative_to(ROOT)) for path in (ROOT / "docs").glob("**/*.md")),
)

FENCE = re.compile(r"^```.*?^```$", re.MULTILINE | re.DOTALL)
LINK = re.compile(r"\[[^\]]*\]\(([^)\s]+)\)|<img src=\"([^\"]+)\"")
HEADING = re.compile(r"^#{1,6} (.+)$", re.MULTILINE)


def text_of(page: str) -> str:
    return (ROOT / page).read_text(encoding="utf-8")


def section(page: str, heading: str) -> str:
    """The text below a heading of the second level, up to the next one."""
    _, found, rest = text_of(page).partition(f"\n## {heading}\n")
    assert found, f"{page} has no section {heading!r}"
    return rest.partition("\n## ")[0]


def program(page: str, language: str, beginning: str) -> str:
    """The only code block in a language that begins with `beginning`."""
    (code,) = re.findall(rf"```{language}\n({re.escape(beginning)}.*?)```", text_of(page), re.DOTALL)
    return str(code)


def commands(text: str, name: str) -> list[str]:
    """The commands of this name after a `$` in console blocks; one ends before a blank line, a comment or the next."""
    blocks = "\n\n".join(re.findall(r"^```console\n(.*?)^```$", text, re.MULTILINE | re.DOTALL))
    return re.findall(rf"^\$ ({name} .*?)(?=\n\n|\n#|\n\$|\n*\Z)", blocks, re.MULTILINE | re.DOTALL)


def root_commands(page: str, heading: str) -> list[str]:
    """The commands after a `#` in each console block of a section, a script for each block."""
    blocks = re.findall(r"^( *)```console\n(.*?)^ *```$", section(page, heading), re.MULTILINE | re.DOTALL)
    scripts = [re.sub(rf"^{indent}", "", block, flags=re.MULTILINE) for indent, block in blocks]
    return [re.sub(r"^# ", "", script, flags=re.MULTILINE) for script in scripts if script.startswith("# ")]


class Link(NamedTuple):
    """A relative link: its page, its target file, and the anchor in the target, which may be empty."""

    page: str
    target: Path
    anchor: str


def links(page: str) -> Iterator[Link]:
    """The relative links and pictures of a page, without code."""
    prose = re.sub(r"`[^`\n]*`", "", FENCE.sub("", text_of(page)))
    for written in LINK.finditer(prose):
        address = written[1] or written[2]
        if "://" in address:
            continue
        path, _, anchor = address.partition("#")
        yield Link(page, ((ROOT / page).parent / path).resolve() if path else ROOT / page, anchor)


def anchors(page: Path) -> set[str]:
    """GitHub's anchors of a page's headings."""
    found: dict[str, int] = {}
    for heading in HEADING.findall(FENCE.sub("", page.read_text(encoding="utf-8"))):
        shown = re.sub(r"\[([^\]]*)\]\([^)]*\)", r"\1", heading)
        name = re.sub(r"[^\w\- ]", "", shown.strip().lower()).replace(" ", "-")
        count = found[name] = found.get(name, -1) + 1
        if count:
            found[f"{name}-{count}"] = 0
    return set(found)
