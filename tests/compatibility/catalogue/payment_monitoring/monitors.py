"""The monitor of open payments: its routes, what it does by itself, and its log lines."""

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
            better="A second start of an active monitor is answered normally (“Monitoramento já estava ativo”). For a "
            "payment that needs no monitor, `monitoring` is false.",
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
            better="The list of monitors covers all processes and survives a restart, because a monitor is no thread "
            "but a fact in the log.",
            differs="A key sees its own merchant's monitors; `padaria_slug` narrows the list down in open mode.",
        ),
    ),
)

START_ALL: Final = Section(
    title="POST /payments/api/monitors/start-all/",
    statements=(
        Statement(
            id="start-all.starts",
            says="The body holds `padaria_slug`; the route starts monitors for all its pending payments.",
            operations=("startAllMonitors",),
            asks=("padaria_slug",),
            statuses=(200, 400),
            better="`start-all` watches every open payment, without a cap of 20.",
        ),
        Statement(
            id="start-all.answer",
            says="The answer has `success`, `padaria_slug` and `monitors_started`.",
            operations=("startAllMonitors",),
            answers=("success", "padaria_slug", "monitors_started"),
            here="`monitors_started` does not count monitors that were active already.",
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
            better="One search of the monitor covers all payments of an account, so a thousand links cost as many "
            "questions as one. When the provider asks to slow down, every part of the hub obeys.",
        ),
        Statement(
            id="monitor.approves",
            says="When the payment is approved, the monitor updates its status.",
        ),
        Statement(
            id="monitor.ten-minutes",
            says="The monitor stops after 10 minutes.",
            better="The hub finds later payments too: after the ten minutes it asks about the account every five "
            "minutes, as long as any of its links can be paid.",
        ),
        Statement(
            id="monitor.final",
            says="The monitor stops at a final status: approved, rejected or cancelled.",
            differs="A monitor stops when the payment can no longer be paid. It goes on after `rejected`, because the "
            "payer can try the link again.",
        ),
        Statement(
            id="monitor.deleted",
            says="The monitor stops when the payment no longer exists.",
            differs="A payment always exists: it is a stream of events, and the hub deletes none.",
        ),
        Statement(
            id="monitor.process",
            says="The monitor is a thread in the background.",
            better="A monitor outlives a killed process: another process, or the next one, continues its work.",
        ),
    ),
)

LOG_LINES: Final = Section(
    title="The monitor's log lines",
    statements=(
        Statement(
            id="log-lines.started",
            says="INFO “Monitor iniciado para pagamento 15”.",
            here="The line is `watch_started` with `payment_id`, at the monitor's first question about the payment. It "
            "is `watch_taken_over` where another process asked before.",
            differs="Log lines are English facts with fields, one JSON object each, at the reference's levels. A "
            "payment whose end is known before the monitor's first question has no line; its timeline shows all.",
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
            differs="A change that a webhook or a check found is no log line of the monitor; the payment's timeline "
            "names its source.",
        ),
        Statement(
            id="log-lines.stops",
            says="INFO “Monitor 15: status final approved, parando”.",
            here="The line is `watch_stops` with `payment_id` and `final_status`.",
            better="The log shows the end of a monitor also when something else caused it, such as a webhook.",
        ),
        Statement(
            id="log-lines.finished",
            says="INFO “Monitor 15: finalizado após 3 verificações”.",
            here="The line is `watch_finished` with `payment_id` and `checks`.",
        ),
    ),
)
