"""Operations that watch payments."""

from __future__ import annotations

from typing import Final

from contracts import api
from contracts.operations.codes import OF_WRITING
from contracts.operations.common import TEXT
from contracts.operations.operation import Answer, Operation, Parameter

MONITORS: Final = (
    Operation(
        name="startMonitor",
        method="POST",
        path="/payments/api/monitor/{payment_id}/start/",
        tag="Monitoring",
        summary="Watch a payment for the next ten minutes; an earlier watch continues.",
        scope="payments:write",
        limit="creations",
        cross_origin=True,
        answers={200: Answer(description="The state of the watch.", body=api.MonitorStarted)},
        codes=OF_WRITING,
    ),
    Operation(
        name="listMonitors",
        method="GET",
        path="/payments/api/monitors/",
        tag="Monitoring",
        summary="List the watched payments and the accounts.",
        scope="payments:read",
        query=(
            Parameter(
                name="padaria_slug", description="The slug of a merchant, to list only its payments.", schema=TEXT
            ),
        ),
        limit="lists",
        cross_origin=True,
        answers={200: Answer(description="The numbers of the payments, and the accounts.", body=api.MonitorList)},
        codes=("merchant_not_found",),
    ),
    Operation(
        name="startAllMonitors",
        method="POST",
        path="/payments/api/monitors/start-all/",
        tag="Monitoring",
        summary="Watch every open payment of a merchant.",
        description="A merchant without Mercado Pago is answered 400 `provider_not_connected`.",
        scope="payments:write",
        body=api.PadariaNamed,
        limit="creations",
        cross_origin=True,
        answers={200: Answer(description="The number of started watches.", body=api.MonitorsStarted)},
        codes=(*OF_WRITING, "merchant_not_found", "provider_not_connected"),
    ),
)
