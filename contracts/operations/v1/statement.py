"""The operation of the statement."""

from __future__ import annotations

from typing import Final

from contracts import v1
from contracts.operations.codes import OF_MERCHANT
from contracts.operations.v1.common import read_document

STATEMENT: Final = (
    read_document(
        "readStatement",
        "/v1/statement",
        query=v1.StatementQuery,
        tag="Statement",
        summary="Read the movements of money over some days, with balances.",
        description="The answer has everything that the hub has recorded, or everything up to `as_of`; "
        "`Extrato-Position` is the same position. It is streamed: a connection that ends early has no complete answer.",
        body=v1.Statement,
        shows="The statement.",
        media_types=("application/json", "text/csv"),
        codes=(*OF_MERCHANT, "invalid_period"),
        read_model="statement",
    ),
)
