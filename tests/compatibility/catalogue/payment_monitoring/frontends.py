"""What concerns a frontend on every route: addresses, errors and the recommended flows."""

from __future__ import annotations

from typing import Final

from tests.compatibility.statement import Section, Statement

ADDRESSES: Final = Section(
    title="Addresses",
    statements=(
        Statement(
            id="addresses.slash",
            says="Every address ends in a slash.",
            here="The hub answers an address without its last slash too, and without a redirection, which would lose a "
            "body.",
        ),
        Statement(
            id="addresses.origin",
            says="A frontend calls the routes from its own pages.",
            better="The pages of a frontend may lie at any origin, because the hub reads no cookie: they show a key, "
            "or open an address that carries a payer's token. Without keys they must be pages of the same machine.",
        ),
    ),
)

ERRORS: Final = Section(
    title="Errors",
    statements=(
        Statement(
            id="errors.payment",
            says="404 “Pagamento 999 não encontrado”.",
            operations=("checkPayment", "checkPaymentByPost", "startMonitor"),
            answers=("success", "error"),
            statuses=(404,),
        ),
        Statement(
            id="errors.padaria",
            says="400 “Padaria 'slug-invalido' não encontrada”.",
            operations=("generateLink", "listPayments", "syncPending", "startAllMonitors"),
            answers=("success", "error"),
            statuses=(400,),
        ),
        Statement(
            id="errors.not-configured",
            says="400 “Mercado Pago não configurado para esta padaria”.",
            operations=("generateLink", "syncPending", "startAllMonitors"),
            answers=("success", "error"),
            statuses=(400,),
        ),
        Statement(
            id="errors.body",
            says="The body of an error has `success` false and `error`.",
            operations=("generateLink", "checkPayment", "listPayments", "syncPending", "startMonitor"),
            answers=("success", "error", "code"),
            statuses=(401, 403, 503),
            here="The sentence in `error` is Portuguese.",
            better="Every error has a stable `code` for programs beside the sentence for people. A temporary error "
            "names the seconds to wait (`Retry-After`).",
        ),
        Statement(
            id="errors.refused-charge",
            says="The reference does not describe a charge that Mercado Pago refuses.",
            operations=("generateLink",),
            answers=("success", "error"),
            statuses=(502,),
            better="A charge that Mercado Pago refuses is answered 502 with Mercado Pago's sentence. Its payment stays "
            "listed as `cancelled`, with the `status_detail` “charge_refused”.",
        ),
        Statement(
            id="errors.limits",
            says="The reference does not say how often a client may ask.",
            operations=("generateLink", "checkPayment", "syncPending"),
            statuses=(429,),
            differs="A client that asks too often is answered 429 with `Retry-After`. A page that asks every 5 seconds "
            "stays far below the limit.",
        ),
        Statement(
            id="errors.access",
            says="The reference does not say which clients may ask.",
            differs="A client needs a key, which opens its own merchant only. Open mode is for one machine, and "
            "refuses pages of other machines with the code `foreign_page`.",
        ),
    ),
)

FLOWS: Final = Section(
    title="The recommended flows of a frontend",
    statements=(
        Statement(
            id="flows.poll",
            says="Option 1: poll `check` every 5 seconds until `approved`, `rejected` or `cancelled`, for 10 minutes.",
            operations=("checkPayment",),
            here="The snippet runs unchanged. It stops at `rejected`, although the payer can still pay the link here.",
        ),
        Statement(
            id="flows.batch",
            says="Option 2: call `sync-pending` every 30 seconds and look at `approved_count` and `updated_payments`.",
            operations=("syncPending",),
            here="The snippet runs unchanged. In both systems the answer names only the payments that this request "
            "moved; a socket delivers every change.",
        ),
        Statement(
            id="flows.four-ways",
            says="The reference monitors in four ways: automatic, by webhook, by polling, in bulk.",
            better="All four ways to monitor ask the provider the same question, and the hub records a fact once, "
            "however many of them find it.",
        ),
    ),
)
