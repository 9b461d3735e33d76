"""`extrato gateway`, `extrato monitor` and `extrato projections`: each becomes the process of its role."""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING

from services.cli.supervisor.programs import CODE

if TYPE_CHECKING:
    from argparse import Namespace
    from collections.abc import Callable, Coroutine, Mapping


def role(module: str) -> Callable[[Namespace, Mapping[str, str]], Coroutine[object, object, None]]:
    """Return a command that replaces this process by `python -m module`, so that signals reach the role itself."""

    async def run(_arguments: Namespace, environment: Mapping[str, str]) -> None:
        path = os.pathsep.join(filter(None, (str(CODE), environment.get("PYTHONPATH"))))
        sys.stdout.flush()
        os.execve(sys.executable, (sys.executable, "-m", module), {**environment, "PYTHONPATH": path})  # noqa: S606

    return run
