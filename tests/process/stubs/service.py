"""A stand-in for a service: it writes its ready file, and the time of its end when it gets SIGTERM.

Argument: its behaviour (`ready`, `deaf`, `late`, `broken`).
"""

import os
import signal
import sys
import time
from pathlib import Path

behaviour = sys.argv[1]
ready_file = Path(os.environ["EXTRATO_READY_FILE"])
ending = ready_file.with_suffix(".ended")


def leave(number, _frame):
    with ending.open("a") as file:
        file.write(f"{time.monotonic()}\n")
    sys.exit(0)


signal.signal(signal.SIGTERM, signal.SIG_IGN if behaviour == "deaf" else leave)
if behaviour == "broken":
    sys.exit("the stub is broken")
ready_file.touch()
while True:
    signal.pause()
