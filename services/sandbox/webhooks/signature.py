"""The `x-signature` header of webhooks.

Source: mercadopago developer docs, "Webhooks", and the validators of the official SDKs. Real deliveries carry
`ts` in seconds and sign the id as written.
"""

from __future__ import annotations

import hashlib
import hmac


def manifest(*, data_id: str | None, request_id: str | None, ts: str) -> str:
    """Return the signed text; a part without a value is omitted with its label."""
    id_part = f"id:{data_id};" if data_id else ""
    request_part = f"request-id:{request_id};" if request_id else ""
    return f"{id_part}{request_part}ts:{ts};"


def signature_header(*, secret: str, data_id: str | None, request_id: str | None, ts: str) -> str:
    """Return `ts=<ts>,v1=<hex HMAC-SHA256 of the manifest>`."""
    text = manifest(data_id=data_id, request_id=request_id, ts=ts)
    digest = hmac.new(secret.encode(), text.encode(), hashlib.sha256).hexdigest()
    return f"ts={ts},v1={digest}"
