"""Writes the bill of materials of a running hub, as CycloneDX 1.6 in JSON. One lock file always gives the same bill."""

from __future__ import annotations

import tomllib
from typing import TYPE_CHECKING, Final
from uuid import NAMESPACE_URL, uuid5

from cyclonedx.contrib.license.factories import LicenseFactory
from cyclonedx.model.bom import Bom
from cyclonedx.model.component import Component, ComponentType
from cyclonedx.output.json import JsonV1Dot6
from cyclonedx.schema import SchemaVersion
from cyclonedx.validation.json import JsonStrictValidator
from packageurl import PackageURL

from contracts import __version__
from tests.third_party.installed import ROOT, direct, go_modules
from tests.third_party.parts import PARTS

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tests.third_party.installed import Package
    from tests.third_party.parts import Part

LICENCE: Final = LicenseFactory().make_from_string


def sbom(packages: Sequence[Package]) -> str:
    """Return the bill; raises `ValueError` if it does not fit the schema of CycloneDX."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    hub = Component(
        type=ComponentType.APPLICATION,
        name=project["name"],
        version=__version__,
        description=project["description"],
        licenses=[LICENCE(project["license"])],
        bom_ref=project["name"],
    )
    components = {each.name: _component(each) for each in packages}
    bom = Bom(components=components.values())
    bom.metadata.component = hub
    bom.register_dependency(hub, [components[name] for name in direct()])
    for each in packages:
        bom.register_dependency(components[each.name], [components[name] for name in each.needs])
    # The serial number depends on the contents, and there is no time stamp: two runs write the same file.
    bom.serial_number = uuid5(NAMESPACE_URL, repr(packages))
    bom.metadata.timestamp = None  # type: ignore[assignment]
    written = JsonV1Dot6(bom).output_as_string(indent=2)
    refused = JsonStrictValidator(SchemaVersion.V1_6).validate_str(written)
    if refused is not None:
        raise ValueError(str(refused)[:500])
    return written + "\n"


def _component(package: Package) -> Component:
    inside = [_inside(part) for part in PARTS if part.package == package.name]
    return Component(
        type=ComponentType.LIBRARY,
        name=package.name,
        version=package.version,
        licenses=[LICENCE(package.licence)],
        purl=PackageURL("pypi", name=package.name, version=package.version),
        bom_ref=package.name,
        components=inside,
    )


def _inside(part: Part) -> Component:
    version = go_modules()[part.name] if part.is_go_module else part.version
    namespace, _, name = part.name.rpartition("/")
    return Component(
        type=ComponentType.LIBRARY,
        name=part.name,
        version=version or None,
        licenses=[LICENCE(part.licence)],
        purl=PackageURL("golang", namespace, name, f"v{version}") if part.is_go_module else None,
        bom_ref="/".join(filter(None, (part.package, part.name, version))),
    )
