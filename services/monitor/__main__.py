"""The monitor process: `python -m services.monitor`."""

import sys

from extrato.process import run_role
from services.monitor.app import serve

if __name__ == "__main__":
    sys.exit(run_role("monitor", serve))
