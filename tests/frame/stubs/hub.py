"""`extrato up` with stand-ins for the services: each argument is `name=behaviour`."""

import os
import sys
from pathlib import Path

from services.cli.__main__ import run
from services.cli.commands.up import up
from services.cli.supervisor.programs import service, services, shared_environment

SERVICE = Path(__file__).with_name("service.py")


def stand_ins(settings, environment):
    shared = shared_environment(settings, environment)
    named = dict(word.split("=") for word in sys.argv[1:])
    names = [program.name for program in services(settings, environment)]
    return [service(name, (str(SERVICE), named.get(name, "ready")), settings, shared) for name in names]


if __name__ == "__main__":
    sys.exit(run(up(os.environ, services=stand_ins, with_parent=True)))
