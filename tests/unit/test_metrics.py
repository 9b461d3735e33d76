"""The page of metrics has exactly the metrics of each role, and their names follow Prometheus's conventions."""

from __future__ import annotations

import asyncio
import json
import re
import sys

import pytest

from contracts.read_models import READ_MODEL_NAMES
from services.projections.read_models.registry import READ_MODELS
from tests.documents import METRICS, ROOT, text_of

ROLES = ("gateway", "monitor", "projections")

# A role in its own process: this one imports all of them.
LIST_METRICS = """
import importlib, json, sys
from prometheus_client import REGISTRY
importlib.import_module(f"services.{sys.argv[1]}.app")
found = {}
for metric in REGISTRY._collector_to_names:
    name = getattr(metric, "_name", "")
    if name.startswith("extrato_"):
        suffix = {"counter": "_total", "info": "_info"}.get(metric._type, "")
        found[name + suffix] = [metric._type.replace("info", "gauge"), sorted(metric._labelnames)]
found["extrato_build_info"][1] = ["version"]
print(json.dumps(found))
"""


async def metrics_of(role: str) -> dict[str, list]:
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-c", LIST_METRICS, role, cwd=ROOT, stdout=asyncio.subprocess.PIPE
    )
    output, _ = await process.communicate()
    assert process.returncode == 0
    return json.loads(output)


def documented() -> dict[str, dict[str, list]]:
    """The metrics of each role in the page: type and labels by name."""
    found: dict[str, dict[str, list]] = {role: {} for role in ROLES}
    for part in text_of(METRICS).split("\n## ")[1:]:
        heading, _, body = part.partition("\n")
        roles = [role for role in ROLES if role in heading.lower()] or ROLES
        for name, kind, labels in re.findall(r"^\| `(extrato_\w+)` \| (\w+) \|([^|]*)\|", body, re.MULTILINE):
            for role in roles:
                assert name not in found[role]
                found[role][name] = [kind, sorted(re.findall(r"`(\w+)`", labels))]
    return found


async def test_page_has_every_metric_of_each_role_and_no_other():
    registered = await asyncio.gather(*(metrics_of(role) for role in ROLES))
    assert documented() == dict(zip(ROLES, registered, strict=True))


NAMES = sorted({(name, kind) for metrics in documented().values() for name, (kind, _) in metrics.items()})


@pytest.mark.parametrize(("name", "kind"), NAMES)
def test_name_follows_the_conventions(name, kind):
    assert re.fullmatch(r"extrato(_[a-z]+)+", name)
    assert name.endswith("_total") == (kind == "counter")
    assert not re.search(r"_(ms|milliseconds|minutes|hours|bucket|count|sum)(_|$)", name)
    assert not name.endswith(f"_{kind}")


def test_no_label_identifies_a_payment_or_a_merchant():
    labels = {label for metrics in documented().values() for _, found in metrics.values() for label in found}
    assert labels.isdisjoint({"payment", "payment_id", "merchant", "account", "key", "address", "path"})


def test_every_read_model_is_named():
    assert set(READ_MODEL_NAMES) == {read_model.name for read_model in READ_MODELS}
