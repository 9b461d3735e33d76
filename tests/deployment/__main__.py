"""`python -m tests.deployment` checks the files of deploy/ with the tools that know their formats.

It prints what the tools object to. Some tools come with the system and not as a wheel. Where one is missing, a line
says what was not checked.
"""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
import sysconfig
import tempfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Callable

ROOT: Final = Path(__file__).parents[2]
DEPLOY: Final = ROOT / "deploy"
OVERLAYS: Final = ("demo", "production")
# What `systemd-analyze security` calls an exposure of 1.5; 10 is the worst.
MOST_EXPOSURE: Final = "15"
GRAFANA_INTERVAL: Final = re.compile(r"\$__(?:rate_)?interval|\$__range")
INSTALLED_PROGRAMS: Final = re.compile(r"/opt/extrato/bin/extrato|/usr/local/bin/nats-server")


def main() -> int:
    """Run every check; 1 when a tool objects to something."""
    checks: tuple[Callable[[], str], ...] = (
        prometheus,
        dashboards,
        dockerfile,
        compose,
        yaml_style,
        migrations,
        kubernetes,
        systemd,
    )
    with ThreadPoolExecutor() as threads:
        faults = [said for said in threads.map(lambda check: check(), checks) if said]
    print(*faults, sep="\n", end="\n" if faults else "", file=sys.stderr)
    return 1 if faults else 0


def prometheus() -> str:
    """Return what promtool says of the rules, of their tests and of the example configuration."""
    program = _promtool()
    if program is None:
        _not_checked("promtool", "the files of deploy/prometheus")
        return ""
    return "\n".join(
        filter(
            None,
            (
                # It loads the rules too.
                _said(program, "check", "config", "deploy/prometheus/prometheus.yaml"),
                _said(program, "test", "rules", "deploy/prometheus/rules_test.yaml"),
            ),
        )
    )


def dashboards() -> str:
    """Return what promtool says of the expressions of the dashboards, which it reads as rules."""
    program = _promtool()
    if program is None:
        _not_checked("promtool", "the expressions of deploy/grafana")
        return ""
    records = [
        {"record": f"panel:expression:number{nth}", "expr": expression}
        for nth, expression in enumerate(expressions_of_dashboards())
    ]
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "rules.yaml"
        # JSON is YAML too.
        file.write_text(json.dumps({"groups": [{"name": "dashboards", "rules": records}]}), encoding="utf-8")
        return _said(program, "check", "rules", str(file))


def expressions_of_dashboards() -> list[str]:
    """Return every expression of the dashboards, with Grafana's own variables replaced."""
    boards = [json.loads(path.read_text(encoding="utf-8")) for path in sorted(DEPLOY.glob("grafana/*.json"))]
    return [
        GRAFANA_INTERVAL.sub("5m", target["expr"])
        for board in boards
        for panel in board["panels"]
        for target in panel.get("targets", ())
    ]


def dockerfile() -> str:
    """Return what hadolint says of the Dockerfile."""
    return _said(_tool("hadolint"), "--no-color", "deploy/Dockerfile")


def compose() -> str:
    """Return what the schema of the Compose Specification says of compose.yaml."""
    return _said(_tool("check-jsonschema"), "--builtin-schema", "vendor.compose-spec", "deploy/compose.yaml")


def yaml_style() -> str:
    """Return what yamllint says of every YAML file."""
    return _said(_tool("yamllint"), "--strict", "--config-file", "deploy/.yamllint.yaml", "deploy")


def migrations() -> str:
    """Return what squawk says of the migrations."""
    files = sorted(str(path.relative_to(ROOT)) for path in DEPLOY.glob("migrations/*.sql"))
    return _said(_tool("squawk"), "--config", "deploy/squawk.toml", "--reporter", "gcc", *files)


def kubernetes() -> str:
    """Return what Kubernetes's own schemas say of what the overlays render to."""
    client = shutil.which("kubectl")
    if client is None:
        _not_checked("kubectl", "the overlays of deploy/kubernetes")
        return ""
    with tempfile.TemporaryDirectory() as folder:
        rendered = [Path(folder) / f"{overlay}.yaml" for overlay in OVERLAYS]
        for overlay, file in zip(OVERLAYS, rendered, strict=True):
            said = _said(client, "kustomize", f"deploy/kubernetes/overlays/{overlay}", "--output", str(file))
            if said:
                return said
        # Without --strict it accepts a misspelt field.
        return _said(_tool("kubernetes-validate"), "--strict", "--quiet", *map(str, rendered))


def systemd() -> str:
    """Return what systemd says of the units, and where they are more exposed than they have to be."""
    program = shutil.which("systemd-analyze")
    if program is None:
        _not_checked("systemd-analyze", "the units of deploy/systemd")
        return ""
    with tempfile.TemporaryDirectory() as folder:
        copies = shutil.copytree(DEPLOY / "systemd", Path(folder) / "systemd")
        for unit in copies.glob("*.service"):
            # `verify` looks for the programs on this machine.
            unit.write_text(INSTALLED_PROGRAMS.sub("/bin/true", unit.read_text(encoding="utf-8")), encoding="utf-8")
        units = [str(path) for path in sorted(copies.iterdir()) if path.suffix in {".service", ".target"}]
        verified = subprocess.run(
            [program, "verify", "--man=no", *units], check=False, capture_output=True, text=True, cwd=ROOT
        )
        # It reports an unknown key on standard error, with exit code 0.
        faults = "" if verified.returncode == 0 and not verified.stderr else verified.stdout + verified.stderr
        services = [unit for unit in units if unit.endswith(".service")]
        return faults + _said(
            program, "security", "--no-pager", "--offline=true", f"--threshold={MOST_EXPOSURE}", *services
        )


def _said(*command: str) -> str:
    """Run a program and give what it said, if it failed."""
    done = subprocess.run(command, check=False, capture_output=True, text=True, cwd=ROOT)
    return "" if done.returncode == 0 else f"{Path(command[0]).name}:\n{done.stdout}{done.stderr}".rstrip()


def _tool(name: str) -> str:
    return str(Path(sysconfig.get_path("scripts")) / name)


def _promtool() -> str | None:
    """Return the promtool of the system, or the one that make unpacked."""
    unpacked = ROOT / ".venv" / "prometheus" / "usr" / "bin" / "promtool"
    return shutil.which("promtool") or (str(unpacked) if unpacked.exists() else None)


def _not_checked(program: str, files: str) -> None:
    print(f"There is no {program} on this machine, so that {files} were not checked.", file=sys.stderr)


if __name__ == "__main__":
    sys.exit(main())
