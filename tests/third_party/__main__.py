"""`python -m tests.third_party` writes THIRD-PARTY.md; `--sbom FILE` writes the bill of materials to a file."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Final

from tests.third_party.document import document
from tests.third_party.installed import ROOT, packages

PAGE: Final = ROOT / "THIRD-PARTY.md"


def main(arguments: list[str]) -> int:
    match arguments:
        case []:
            PAGE.write_text(document(packages()), encoding="utf-8")
        case ["--sbom", file]:
            # Only the bill of materials needs CycloneDX.
            from tests.third_party.sbom import sbom

            Path(file).write_text(sbom(packages()), encoding="utf-8")
        case _:
            print("usage: python -m tests.third_party [--sbom FILE]", file=sys.stderr)
            return 2
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
