"""Ends the hub with its parent process, which for `make up` is make."""

from __future__ import annotations

import asyncio
import os
import signal
from pathlib import Path
from typing import Final

from services.cli.supervisor.child import die_with_parent

_POLL_S: Final = 0.2


async def wait_for_interrupted_parent() -> None:
    """End this process with its parent, and wait until the parent receives SIGINT.

    GNU make forwards SIGTERM to its children, but not a SIGINT that only make received: make then blocks the signal and
    waits for its children without a limit. The kernel shows the blocked signal (Linux only; elsewhere this waits
    forever).
    """
    parent = os.getppid()
    die_with_parent(parent, signal.SIGTERM)
    blocked_from_the_start = _blocks_interrupts(parent)
    while blocked_from_the_start or not _blocks_interrupts(parent):
        await asyncio.sleep(_POLL_S)


def _blocks_interrupts(pid: int) -> bool:
    try:
        lines = Path(f"/proc/{pid}/status").read_text().split("\n")
    except OSError:
        return False
    masks = [int(line.removeprefix("SigBlk:"), 16) for line in lines if line.startswith("SigBlk:")]
    return any(mask >> (signal.SIGINT - 1) & 1 for mask in masks)
