"""The gateway process."""

import sys

from extrato.process import run
from services.gateway.app import serve

if __name__ == "__main__":
    sys.exit(run("gateway", serve))
