"""Follows the process that started this one, which for `make up` is make."""

from __future__ import annotations

import asyncio
import os
import signal
from pathlib import Path
from typing import Final

from services.cli.supervisor.child import die_with_parent

_POLL_S: Final = 0.2


async def wait_for_interrupted_parent() -> None:
    """Have this process end with its parent, and wait until the parent is asked to end by SIGINT.

    GNU make passes a SIGTERM on to what it runs. A SIGINT that was sent to it alone, not from a terminal, it
    keeps to itself: it blocks the signal and waits for its children for as long as they like. The kernel
    shows the block (Linux only; elsewhere this waits for ever).
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
