"""The commands that become the process of a role: the three roles, and two commands of the projections."""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING

from services.cli.supervisor.programs import CODE

if TYPE_CHECKING:
    from argparse import ArgumentParser, Namespace
    from collections.abc import Callable, Coroutine, Mapping


def rebuild_options(parser: ArgumentParser) -> None:
    """Add the arguments of `rebuild`."""
    parser.add_argument("name", help="name of the read model, or all")


def role(module: str, *words: str) -> Callable[[Namespace, Mapping[str, str]], Coroutine[object, object, None]]:
    """Return a command that replaces this process by `python -m module words`, so that signals reach the role itself.

    A read model that the arguments name is the last word.
    """

    async def run(arguments: Namespace, environment: Mapping[str, str]) -> None:
        path = os.pathsep.join(filter(None, (str(CODE), environment.get("PYTHONPATH"))))
        command = (sys.executable, "-m", module, *words, *([arguments.name] if "name" in arguments else []))
        sys.stdout.flush()
        os.execve(sys.executable, command, {**environment, "PYTHONPATH": path})  # noqa: S606

    return run
