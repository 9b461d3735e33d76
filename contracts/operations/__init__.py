"""The one list of the REST interface's operations; `contracts/generate/` makes the OpenAPI document from it.

A path that ends in a slash also works without the slash.
"""

from __future__ import annotations

from typing import Final

from contracts.operations.admin import ADMIN
from contracts.operations.corrections import CORRECTIONS
from contracts.operations.evidence import EVIDENCE
from contracts.operations.links import LINKS
from contracts.operations.monitors import MONITORS
from contracts.operations.pages import PAGES
from contracts.operations.pix import PIX
from contracts.operations.service import SERVICE
from contracts.operations.v1 import V1
from contracts.operations.webhooks import WEBHOOKS

OPERATIONS: Final = (
    *V1,
    *PIX,
    *LINKS,
    *MONITORS,
    *EVIDENCE,
    *CORRECTIONS,
    *PAGES,
    *ADMIN,
    *WEBHOOKS,
    *SERVICE,
)
