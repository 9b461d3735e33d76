"""Statements about lists of payments and their synchronisation."""

from __future__ import annotations

from typing import Final

from tests.compatibility.statement import Section, Statement

LIST: Final = Section(
    title="GET /payments/api/pending/",
    statements=(
        Statement(
            id="list.padaria",
            says="`padaria_slug` names the padaria whose payments are listed.",
            operations=("listPayments",),
            asks=("padaria_slug",),
            statuses=(200, 400),
        ),
        Statement(
            id="list.status",
            says="`status` is `pending` (the default), `approved` or `all`.",
            operations=("listPayments",),
            asks=("status",),
            here="`status` may be in lower or upper case; an empty one is the default.",
            better="A client can list the payments of every status.",
        ),
        Statement(
            id="list.limit",
            says="`limit` is the maximum number of payments, 50 by default.",
            operations=("listPayments",),
            asks=("limit",),
            here="An empty `limit` is the default.",
            differs="Every list has a maximum length: `limit` is a number from 1 to 1000, and any other value is "
            "refused with 400.",
        ),
        Statement(
            id="list.all",
            says="The list has all payments of the padaria.",
            operations=("listPayments",),
            here="The list also has each direct Pix, which `sync-pending` does not count.",
        ),
        Statement(
            id="list.answer",
            says="The answer has `success`, `padaria`, `count`, `status_filter` and `payments`.",
            operations=("listPayments",),
            answers=("success", "padaria", "count", "status_filter", "payments"),
            here="The newest payment is first.",
            differs="Lists, and the two routes about all open payments, use read models, which lag a moment behind the "
            "log. A new payment may be missing there, or have no `preference_id` yet. `check` does not lag.",
        ),
        Statement(
            id="list.payment",
            says="Each payment has `payment_id`, `mp_payment_id` (null while unpaid), `preference_id`, `status`, "
            "`status_label`, `amount`, `description`, `checkout_url`, `payer_email`, `paid_at` (null while unpaid) and "
            "`created_at`.",
            operations=("listPayments",),
            answers=(
                "payments[].payment_id",
                "payments[].mp_payment_id",
                "payments[].preference_id",
                "payments[].status",
                "payments[].status_label",
                "payments[].amount",
                "payments[].description",
                "payments[].checkout_url",
                "payments[].payer_email",
                "payments[].paid_at",
                "payments[].created_at",
                "payments[].alerts",
            ),
        ),
    ),
)

SYNC_PENDING: Final = Section(
    title="POST /payments/api/sync-pending/",
    statements=(
        Statement(
            id="sync-pending.body",
            says="The body has `padaria_slug`.",
            operations=("syncPending",),
            asks=("padaria_slug",),
            statuses=(200, 400),
        ),
        Statement(
            id="sync-pending.asks",
            says="The route asks Mercado Pago about all `pending` payments of a padaria.",
            operations=("syncPending",),
            better="A synchronisation asks about every payment that may still be paid or change its status, also an "
            "`in_process` or `rejected` one, without a limit of 100.",
        ),
        Statement(
            id="sync-pending.counts",
            says="The answer has `success`, `padaria`, `synced_count`, `approved_count`, `total_pending` and "
            "`updated_payments`.",
            operations=("syncPending",),
            answers=("success", "padaria", "synced_count", "approved_count", "total_pending", "updated_payments"),
            here="`total_pending` counts the payments at a provider that may still be paid or change their status. It "
            "includes `in_process` and `rejected` payments, but no direct Pix.",
            better="`synced_count` counts the payments about which Mercado Pago answered within 50 seconds. The others "
            "stay open, and the hub asks about them again.",
        ),
        Statement(
            id="sync-pending.updated",
            says="Each updated payment has `payment_id`, `old_status`, `new_status`, `amount` and `description`.",
            operations=("syncPending",),
            answers=(
                "updated_payments[].payment_id",
                "updated_payments[].old_status",
                "updated_payments[].new_status",
                "updated_payments[].amount",
                "updated_payments[].description",
            ),
        ),
    ),
)
