"""`extrato up` with stand-ins for the services: each argument is `name=behaviour`."""

import os
import sys
from pathlib import Path

from services.cli.__main__ import run
from services.cli.commands.up import up
from services.cli.supervisor.programs import service, services, shared_environment

SERVICE = Path(__file__).with_name("service.py")


def main(words):
    named = dict(word.split("=") for word in words)

    def stand_ins(settings, environment):
        shared = shared_environment(settings, environment)
        names = [program.name for program in services(settings, environment)]
        return [service(name, (str(SERVICE), named.get(name, "ready")), settings, shared) for name in names]

    return run(up(os.environ, services=stand_ins, with_parent=True))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
