"""The ledger: each attempt's money, and the status that follows from it. A fold over a payment's events.

Pure, and without decisions: the decider and the read models fold the same events into the same ledger. The table of
statuses by held money is in docs/reference/money.md. The read models `payment_details` and `statement` store the
ledger: raise their versions when the same events lead to another ledger.
"""

from extrato.domain.payment.ledger.attempts import Attempt, Refund, Return
from extrato.domain.payment.ledger.evolving import evolve_ledger
from extrato.domain.payment.ledger.state import NOTHING, Ledger, Share, open_ledger
from extrato.domain.payment.ledger.status import OWN_DETAILS

__all__ = ["NOTHING", "OWN_DETAILS", "Attempt", "Ledger", "Refund", "Return", "Share", "evolve_ledger", "open_ledger"]
