"""The files that are generated from the contracts."""

from __future__ import annotations

import functools
import json
from types import MappingProxyType
from typing import TYPE_CHECKING, Final

from contracts import read_models
from contracts.errors.document import document as errors_document
from contracts.events import EVENTS, topic_of
from contracts.generate.asyncapi import asyncapi
from contracts.generate.openapi import openapi
from contracts.generate.schemas import json_schema
from contracts.upcasters import UPCASTERS

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

READ_MODELS: Final = (
    read_models.MerchantProfile,
    read_models.OpenPayment,
    read_models.OpenRequest,
    read_models.PaymentDetails,
)


def write(root: Path) -> None:
    """Write every file below `root`, and remove schemas that belong to no contract."""
    for path in _orphans(root):
        path.unlink()
    for name, text in generated().items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")


def stale_files(root: Path) -> list[str]:
    """Return one sentence for each file below `root` that is stale."""
    stale = [f"contracts/schemas/{path.name} belongs to no contract." for path in _orphans(root)]
    for name, text in generated().items():
        path = root / name
        if not path.exists():
            stale.append(f"{name} is missing: run `make schemas`.")
        elif path.read_text(encoding="utf-8") != text:
            stale.append(f"{name} is stale: run `make schemas`.")
    return stale


@functools.cache
def generated() -> Mapping[str, str]:
    """Return the text of every file, by its path below the root of the checkout."""
    documents = {"contracts/openapi.json": openapi(), "contracts/asyncapi.json": asyncapi()}
    for event in EVENTS:
        documents[f"contracts/schemas/{topic_of(event)}.json"] = json_schema(event, topic_of(event))
    for read_model in READ_MODELS:
        documents[f"contracts/schemas/{read_model.__name__}.json"] = json_schema(read_model, read_model.__name__)
    texts = {name: json.dumps(document, indent=2, ensure_ascii=False) + "\n" for name, document in documents.items()}
    return MappingProxyType({**texts, "docs/errors.md": errors_document()})


def _orphans(root: Path) -> list[Path]:
    """Find schemas that belong to no contract. Schemas of old shapes stay, because the log has such events."""
    known = generated().keys() | {f"contracts/schemas/{topic}.json" for topic in UPCASTERS}
    return sorted(path for path in root.glob("contracts/schemas/*.json") if str(path.relative_to(root)) not in known)
