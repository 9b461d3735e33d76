"""The roles run without the packages of OpenTelemetry, and name them when the operator asks for traces."""

from __future__ import annotations

import os
import subprocess
import sys

from tests.process.conftest import ROOT

# With `None`, every import of the package fails.
GATEWAY = """
import sys
sys.modules["opentelemetry"] = None
from extrato.process import run_role
from services.gateway.app import serve
import services.monitor.app, services.projections.app
print("imported")
sys.exit(run_role("gateway", serve))
"""


def test_role_needs_the_packages_only_for_traces(tmp_path):
    environment = {"PATH": os.environ["PATH"], "EXTRATO_HOME": str(tmp_path), "EXTRATO_TRACES": "otlp"}
    command = [sys.executable, "-c", GATEWAY]
    ended = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False, timeout=60)
    assert ended.stdout == "imported\n"
    sentence = "EXTRATO_TRACES=otlp needs the packages of requirements/telemetry.txt, and they are not installed."
    assert ended.stderr == f"gateway: {sentence}\n"
    assert ended.returncode == 1
