"""The official Node SDK cannot tell the sandbox from the real provider."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path

from services.sandbox.state.accounts import DEMO_ACCOUNT

SCRIPT = Path(__file__).parent.parent / "clients" / "mercado_pago.js"


async def test_node_sdk_runs_every_request_of_a_hub(sandbox, node):
    process = await asyncio.create_subprocess_exec(
        node,
        str(SCRIPT),
        sandbox.url,
        DEMO_ACCOUNT.access_token,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    out, err = await process.communicate()
    assert process.returncode == 0, err.decode()
    seen = json.loads(out)

    assert seen["preference"]["status"] == 201
    assert seen["preference"]["init_point"].endswith(f"/checkout/v1/redirect?pref_id={seen['preference']['id']}")
    assert seen["updated"] == "PADARIA"
    assert seen["preferences"] == [seen["preference"]["id"]]
    assert seen["pix"]["status"] == "pending"
    assert seen["pix"]["qr_code"].startswith("000201")
    assert len(seen["found"]) == 1
    assert seen["approved"] == {"status": "approved", "net": 7.43}
    assert seen["partial"] == {"amount": 2.5, "payment_id": seen["found"][0]}
    assert seen["refunds"] == [2.5, 5]
    assert seen["refunded"] == {"status": "refunded", "amount": 7.5}
    assert seen["cancelled"] == {"status": "cancelled", "detail": "by_collector"}
    assert seen["merchantOrder"] == {"status": "paid", "payments": ["approved"]}
    order = seen["order"]
    assert (order["status"], order["repeated"]) == (201, True)
    assert order["qrCode"].startswith("000201")
    assert order["paid"] == ["processed", "accredited"]
    assert order["partial"] == ["processed", "partially_refunded"]
    assert order["refunded"] == ["refunded", ["4.00", "6.00"]]
    assert order["canceled"] == "canceled"
    assert order["found"] == ["NODE-ORDER"]
    assert order["chargeback"] == 2
    assert order["refusal"]["status"] == 400
    assert "pix" in seen["methods"]
    assert seen["me"] == DEMO_ACCOUNT.collector_id
    assert seen["unknown"]["status"] == 404
    assert seen["wrongToken"]["status"] == 401
