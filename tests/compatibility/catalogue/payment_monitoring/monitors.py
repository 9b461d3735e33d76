"""Statements about the monitor of open payments: its routes, its automatic work and its log lines."""

from __future__ import annotations

from typing import Final

from tests.compatibility.statement import Section, Statement

START: Final = Section(
    title="POST /payments/api/monitor/{payment_id}/start/",
    statements=(
        Statement(
            id="start-monitor.starts",
            says="The route starts the monitoring of a payment again, for example after the automatic one has ended.",
            operations=("startMonitor",),
            statuses=(200, 404),
        ),
        Statement(
            id="start-monitor.answer",
            says="The answer has `success`, `payment_id`, `status`, `message` “Monitoramento iniciado” and "
            "`monitoring`.",
            operations=("startMonitor",),
            answers=("success", "payment_id", "status", "message", "monitoring"),
            better="A second start of an active watch gets a normal answer (“Monitoramento já estava ativo”). For a "
            "payment that needs no watch, `monitoring` is false.",
        ),
    ),
)

LIST_MONITORS: Final = Section(
    title="GET /payments/api/monitors/",
    statements=(
        Statement(
            id="list-monitors.answer",
            says="The answer has `success`, `active_count` and the `payment_ids` of the monitored payments.",
            operations=("listMonitors",),
            asks=("padaria_slug",),
            answers=("success", "active_count", "payment_ids"),
            statuses=(200,),
            better="The list has the watches of all processes and survives a restart, because a watch is an event in "
            "the log instead of a thread.",
            differs="A merchant's key gets only this merchant's payments; in open mode, `padaria_slug` selects the "
            "merchant.",
        ),
        Statement(
            id="list-monitors.accounts",
            says="The answer does not say whether webhooks arrive or how often the provider is asked.",
            operations=("listMonitors",),
            answers=(
                "accounts",
                "accounts[].provider",
                "accounts[].requests_per_minute",
                "accounts[].left",
                "accounts[].used_last_minute",
                "accounts[].last_sweep_at",
                "accounts[].token_expires_at",
                "accounts[].webhooks",
                "accounts[].webhooks.state",
                "accounts[].webhooks.reason",
                "accounts[].webhooks.failing_since",
                "accounts[].webhooks.last_verified_at",
            ),
            better="`accounts` shows the calls that are left, the last sweep, the end of the access token, and whether "
            "webhooks arrive, for the caller's own merchant.",
        ),
    ),
)

START_ALL: Final = Section(
    title="POST /payments/api/monitors/start-all/",
    statements=(
        Statement(
            id="start-all.starts",
            says="The body has `padaria_slug`; the route starts monitors for all its pending payments.",
            operations=("startAllMonitors",),
            asks=("padaria_slug",),
            statuses=(200, 400),
            better="`start-all` watches every open payment, without a limit of 20.",
        ),
        Statement(
            id="start-all.answer",
            says="The answer has `success`, `padaria_slug` and `monitors_started`.",
            operations=("startAllMonitors",),
            answers=("success", "padaria_slug", "monitors_started"),
            here="`monitors_started` does not count watches that were already active.",
        ),
    ),
)

AUTOMATIC: Final = Section(
    title="The automatic monitor",
    statements=(
        Statement(
            id="monitor.starts",
            says="The monitor starts when a link is created.",
            operations=("generateLink",),
            here="The hub records a `WatchStarted` event together with the charge.",
        ),
        Statement(
            id="monitor.asks",
            says="The monitor asks every 5 seconds, with `GET /v1/payments/search?external_reference=…`.",
            better="One search of the monitor finds the changes of all payments of an account, so a thousand links "
            "cost as many calls as one link. If the provider throttles an account, every part of the hub waits.",
        ),
        Statement(
            id="monitor.approves",
            says="When the payment is approved, the monitor updates its status.",
        ),
        Statement(
            id="monitor.ten-minutes",
            says="The monitor stops after 10 minutes.",
            better="The hub also finds later payments: after the ten minutes it sweeps the account every five minutes, "
            "while any link of the account can be paid.",
        ),
        Statement(
            id="monitor.final",
            says="The monitor stops at a final status: approved, rejected or cancelled.",
            differs="A watch ends when the payment can no longer be paid. It continues after `rejected`, because the "
            "payer can try the link again.",
        ),
        Statement(
            id="monitor.deleted",
            says="The monitor stops when the payment no longer exists.",
            differs="A payment always exists: it is a stream of events, and the hub never deletes an event.",
        ),
        Statement(
            id="monitor.process",
            says="The monitor is a thread in the background.",
            better="A watch survives a killed process: another monitor process, or the next one, continues the watch.",
        ),
    ),
)

LOG_LINES: Final = Section(
    title="The monitor's log lines",
    statements=(
        Statement(
            id="log-lines.started",
            says="INFO “Monitor iniciado para pagamento 15”.",
            here="The line is `watch_started` with `payment_id`, at the monitor's first question about the payment, or "
            "`watch_taken_over` if another process asked earlier.",
            differs="Log lines are JSON objects with an English event name and fields, at the reference's levels. A "
            "payment that ends before the monitor's first question has no log line, but its timeline has the events.",
        ),
        Statement(
            id="log-lines.check",
            says="DEBUG “Monitor 15: verificação #1”.",
            here="The line is `watch_check` with `payment_id` and `number`.",
        ),
        Statement(
            id="log-lines.changed",
            says="INFO “Monitor 15: status mudou pending -> approved”.",
            here="The line is `status_changed` with `payment_id`, `previous` and `status`, for a change that the "
            "monitor found.",
            differs="The monitor does not log a change that a webhook or a check found; the payment's timeline has the "
            "source of every change.",
        ),
        Statement(
            id="log-lines.stops",
            says="INFO “Monitor 15: status final approved, parando”.",
            here="The line is `watch_stops` with `payment_id` and `final_status`.",
            better="The log file also shows the end of a watch that another source caused, such as a webhook.",
        ),
        Statement(
            id="log-lines.finished",
            says="INFO “Monitor 15: finalizado após 3 verificações”.",
            here="The line is `watch_finished` with `payment_id` and `checks`.",
        ),
    ),
)
