"""Statements about every route: addresses, errors and the recommended flows of a frontend."""

from __future__ import annotations

from typing import Final

from tests.compatibility.statement import Section, Statement

ADDRESSES: Final = Section(
    title="Addresses",
    statements=(
        Statement(
            id="addresses.slash",
            says="Every address ends in a slash.",
            here="The hub also answers an address without its last slash. It does not redirect, because a redirect "
            "could lose the body.",
        ),
        Statement(
            id="addresses.origin",
            says="A frontend calls the routes from its own pages.",
            better="The pages of a frontend may have any origin, because the hub reads no cookies: they send a key or "
            "a payer's token. In open mode they must be pages of the same machine.",
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
            better="Every error has a stable `code` for programs and a sentence for people. A temporary error has the "
            "seconds to wait (`Retry-After`).",
        ),
        Statement(
            id="errors.refused-charge",
            says="The reference does not describe a charge that Mercado Pago refuses.",
            operations=("generateLink",),
            answers=("success", "error"),
            statuses=(502,),
            better="If Mercado Pago refuses a charge, the answer is 502 with Mercado Pago's sentence. Lists show the "
            "payment as `cancelled`, with the `status_detail` “charge_refused”.",
        ),
        Statement(
            id="errors.limits",
            says="The reference does not describe rate limits.",
            operations=("generateLink", "checkPayment", "syncPending"),
            statuses=(429,),
            differs="A client above its rate limit is answered 429 with `Retry-After`. A page that checks every 5 "
            "seconds stays far below the limit.",
        ),
        Statement(
            id="errors.access",
            says="The reference does not describe authentication.",
            differs="A client needs an API key, which is valid for one merchant. Open mode needs no key, but serves "
            "only its own machine, and refuses pages of other machines with the code `foreign_page`.",
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
            here="The snippet runs unchanged. It stops at `rejected`, but on this hub the payer can still pay the "
            "link.",
        ),
        Statement(
            id="flows.batch",
            says="Option 2: call `sync-pending` every 30 seconds and look at `approved_count` and `updated_payments`.",
            operations=("syncPending",),
            here="The snippet runs unchanged. In both systems the answer has only the payments that this request "
            "changed; a socket delivers every change.",
        ),
        Statement(
            id="flows.four-ways",
            says="The reference monitors in four ways: automatic, by webhook, by polling, in bulk.",
            better="All four ways use one function to ask the provider. If several of them find a fact, the hub "
            "records it once.",
        ),
    ),
)
