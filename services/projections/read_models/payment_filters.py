"""What lists of payments filter and sort by: the table `payment_details_filters`.

Its rows are a tenth of those of `payment_details`, so that a list can look at thousands of them for one page. The
indexes are here too, because PostgreSQL writes all of a table's indexes with nearly every change of a row.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from contracts.search_terms import term, terms_of_words
from services.projections.arrays import array_of

if TYPE_CHECKING:
    from contracts.read_models import PaymentDetails
    from services.projections.read_models.read_model import Row

PART: Final = "filters"

CREATE: Final = """
    CREATE TABLE {table}_filters (
        payment_id      bigint      PRIMARY KEY,
        merchant        text        NOT NULL,
        created_at      timestamptz NOT NULL,
        provider        text        NOT NULL,
        method          text        NOT NULL,
        amount_centavos bigint      NOT NULL,
        status          text        NOT NULL,
        paid_at         timestamptz,
        terms           bigint[]    NOT NULL
    )
"""

# A search reads the pending list of the index of terms from its beginning, so the list is short. A rebuild begins with
# this index, because it takes longest.
INDEXES: Final = (
    "CREATE INDEX {table}_filters_by_terms ON {table}_filters USING gin (terms) WITH (gin_pending_list_limit = 256)",
    "CREATE INDEX {table}_filters_by_time ON {table}_filters (merchant, created_at, payment_id)",
    "CREATE INDEX {table}_filters_by_status ON {table}_filters (merchant, status, created_at, payment_id)",
    "CREATE INDEX {table}_filters_by_method ON {table}_filters (merchant, provider, method, created_at, payment_id)",
    """CREATE INDEX {table}_filters_by_paid_at ON {table}_filters (merchant, paid_at, created_at, payment_id)
        WHERE paid_at IS NOT NULL""",
    "CREATE INDEX {table}_filters_by_amount ON {table}_filters (merchant, amount_centavos, created_at, payment_id)",
)


# Those that the row does not share with `payment_details`. An array of arrays would be one list, so terms are a text.
COLUMNS: Final = {
    "provider": "text",
    "method": "text",
    "amount_centavos": "bigint",
    "paid_at": "timestamptz",
    "terms": "text",
}


def filters_of(details: PaymentDetails) -> Row:
    """Return the values of `COLUMNS`."""
    return (
        details.provider,
        details.method,
        details.amount_centavos,
        details.paid_at,
        array_of(sorted(_terms(details))),
    )


def _terms(details: PaymentDetails) -> set[int]:
    merchant, reference = details.merchant, details.reference
    terms = set(terms_of_words(merchant, details.description))
    for item in details.items:
        terms.update(terms_of_words(merchant, item.name))
    if reference is not None:
        terms.update(terms_of_words(merchant, reference))
        terms.add(term(merchant, "reference", reference))
    if details.charge_id is not None:
        terms.add(term(merchant, "id", details.charge_id))
    for attempt in details.attempts:
        terms.add(term(merchant, "id", attempt.attempt_id))
    for alert in details.alerts:
        terms.add(term(merchant, "alert", alert))
    return terms
