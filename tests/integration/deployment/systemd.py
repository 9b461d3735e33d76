"""Reads units of systemd, as far as the units of the hub need it."""

from __future__ import annotations

import re
import shlex
import signal
from collections import defaultdict
from dataclasses import dataclass
from pathlib import Path

# What the kernel is asked for before the unit's program starts: no new privileges, and no memory that is writable and
# executable. A kernel before 6.3 does not know the second request.
RESTRICTIONS = {"NoNewPrivileges": (38, 1), "MemoryDenyWriteExecute": (65, 1)}
RESTRICT = """
import ctypes, os, sys
for request in {requests}:
    ctypes.CDLL(None).prctl(*request, 0, 0, 0)
os.execv(sys.argv[1], sys.argv[1:])
"""


@dataclass(frozen=True, kw_only=True)
class Unit:
    """The settings of a unit, in order, with those of its drop-ins."""

    name: str
    settings: dict[str, list[str]]

    def _last(self, name: str) -> str:
        return (self.settings.get(name) or [""])[-1]

    @property
    def command(self) -> list[str]:
        return shlex.split(self._last("ExecStart"))

    def restricted_command(self, python: str) -> list[str]:
        """The command below a Python that restricts it as the unit says."""
        requests = [(*request,) for name, request in RESTRICTIONS.items() if self._last(name) == "yes"]
        return (
            [python, "-I", "-S", "-c", RESTRICT.format(requests=requests), *self.command] if requests else self.command
        )

    @property
    def wants(self) -> list[str]:
        return " ".join(self.settings["Wants"]).split()

    @property
    def is_oneshot(self) -> bool:
        return self._last("Type") == "oneshot"

    @property
    def is_dynamic(self) -> bool:
        return self._last("DynamicUser") == "yes"

    @property
    def user(self) -> str:
        """The user; without a name, a dynamic one has that of the unit, without the instance."""
        return self._last("User") or (re.split(r"[@.]", self.name)[0] if self.is_dynamic else "")

    @property
    def umask(self) -> int:
        return int(self._last("UMask") or "022", 8)

    @property
    def runtime_directory(self) -> str:
        return self._last("RuntimeDirectory")

    @property
    def state_directory(self) -> str:
        return self._last("StateDirectory")

    @property
    def credentials(self) -> dict[str, str]:
        """The source of each credential, by its name."""
        return dict(each.split(":", 1) for each in self.settings["LoadCredential"])

    @property
    def stop_signal(self) -> int:
        return int(signal.Signals[self._last("KillSignal") or "SIGTERM"])

    def environment(self, placed: dict[str, str]) -> dict[str, str]:
        """The variables of the unit; those of a file come last, as systemd.exec(5) says."""
        words = [word for line in self.settings["Environment"] for word in shlex.split(line)]
        for path in self.settings["EnvironmentFile"]:
            lines = Path(path).read_text().splitlines()
            words += [line for line in lines if line and not line.startswith(("#", ";"))]
        return {name: _filled(value, placed) for name, _, value in (word.partition("=") for word in words)}

    def working_directory(self, placed: dict[str, str]) -> str:
        return _filled(self._last("WorkingDirectory"), placed)


def read_unit(folder: Path, name: str) -> Unit | None:
    """Read a unit with its drop-ins; None when there is none, as for a unit of systemd itself."""
    template, _, rest = name.partition("@")
    instance, _, kind = rest.rpartition(".")
    path = folder / (f"{template}@.{kind}" if instance else name)
    if not path.exists():
        return None
    settings: dict[str, list[str]] = defaultdict(list)
    for each in (path, *sorted((folder / f"{name}.d").glob("*.conf"))):
        for key, value in re.findall(r"^([A-Za-z]+)=(.*)$", each.read_text(), re.MULTILINE):
            settings[key].append(value.replace("%i", instance))
    return Unit(name=name, settings=settings)


def _filled(text: str, placed: dict[str, str]) -> str:
    for name, value in placed.items():
        text = text.replace(name, value)
    return text
