"""The gateway process."""

import sys

from extrato.process import run_role
from services.gateway.app import serve

if __name__ == "__main__":
    sys.exit(run_role("gateway", serve, drain_s=lambda settings: settings.timeouts.drain_s))
