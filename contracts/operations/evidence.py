"""The operation that shows the evidence of a payment."""

from __future__ import annotations

from typing import Final

from contracts import api
from contracts.operations.codes import OF_VAULT
from contracts.operations.operation import Answer, Operation

EVIDENCE: Final = (
    Operation(
        name="showEvidence",
        method="GET",
        path="/payments/api/{payment_id}/evidence/{digest}/",
        tag="Administration",
        summary="Show the original bytes that prove an event of a payment.",
        description="`digest` is the field `evidence` of an event of the payment, or the digest of a webhook that "
        "caused one. The bytes contain personal data of the payer, so the key needs the scope `admin`, and the hub "
        "logs each reading. The hub checks the digest before it answers.",
        scope="admin",
        limit="lists",
        answers={200: Answer(description="The evidence.", body=api.EvidenceShown)},
        codes=(*OF_VAULT, "evidence_not_found", "evidence_unreadable", "erased"),
    ),
)
