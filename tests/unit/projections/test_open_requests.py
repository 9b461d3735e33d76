"""The rows of `open_requests` after events of a payment."""

from msgspec.structs import replace

from contracts import events
from contracts.read_models import OpenRequest
from services.projections.read_models.open_requests import OPEN_REQUESTS
from tests.unit.projections.history import (
    CHARGED,
    REFUND,
    REFUND_ACCEPTED,
    REFUND_MADE,
    document_after,
    opened,
    recorded_at,
)

WISH = events.CancellationRequested()
CLOSED = events.PaymentCancelled()
OTHER_REFUND = replace(REFUND, refund_id="r2", attempt_id="a2")
REFUSED = events.RefundRefused(refund_id="r2", code="provider_refused", reason="no")


def request(*, at: int, **changes) -> OpenRequest:
    wished = {"cancellation": False, "refunds": ()} | changes
    return OpenRequest(payment_id=15, merchant="padaria-do-marcos", requested_at=recorded_at(at), **wished)


def test_payment_without_a_request_has_no_row():
    assert document_after(OPEN_REQUESTS, opened(), CHARGED) is None


def test_request_stays_until_it_is_answered():
    assert document_after(OPEN_REQUESTS, opened(), CHARGED, WISH) == request(at=3, cancellation=True)
    assert document_after(OPEN_REQUESTS, opened(), CHARGED, WISH, CLOSED) is None
    assert document_after(OPEN_REQUESTS, opened(), REFUND) == request(at=2, refunds=("r1",))
    assert document_after(OPEN_REQUESTS, opened(), REFUND, REFUND_MADE) is None


def test_accepted_refund_stays_until_it_is_made():
    assert document_after(OPEN_REQUESTS, opened(), REFUND, REFUND_ACCEPTED) == request(at=2, refunds=("r1",))
    assert document_after(OPEN_REQUESTS, opened(), REFUND, REFUND_ACCEPTED, REFUND_MADE) is None
    refused = replace(REFUSED, refund_id="r1")
    assert document_after(OPEN_REQUESTS, opened(), REFUND, REFUND_ACCEPTED, refused) is None


def test_answer_removes_only_its_request():
    assert document_after(OPEN_REQUESTS, opened(), REFUND, OTHER_REFUND, REFUND_MADE) == request(at=2, refunds=("r2",))
    assert document_after(OPEN_REQUESTS, opened(), REFUND, OTHER_REFUND, REFUND_MADE, REFUSED) is None


def test_answer_without_a_request_is_skipped():
    assert document_after(OPEN_REQUESTS, opened(), CLOSED) is None
    assert document_after(OPEN_REQUESTS, opened(), REFUND_ACCEPTED) is None
    assert document_after(OPEN_REQUESTS, opened(), REFUND_MADE) is None
