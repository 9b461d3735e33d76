"""Reads the events of older versions that `seal_log` rewrites, and gives them other data without another change."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import msgspec
from msgspec import Struct
from msgspec.structs import replace

from contracts.events import CancellationRefused, ChargeRefused, RefundRefused
from contracts.upcasters import upcast
from extrato.store.codec import LogRow, UnreadableEvent, read_event, read_state_text
from extrato.store.personal_data import EMAIL
from extrato.store.sealing import is_sealed

if TYPE_CHECKING:
    from contracts.events import Event

# Events with a plain e-mail address or the plain SHA-256 of evidence. They get the newest version.
PLAIN_TOPICS: Final = (
    "PaymentOpened.v1",
    "PaymentOpened.v2",
    "PaymentOpened.v3",
    "ObservationRecorded.v1",
    "ObservationRecorded.v2",
)
# Events with a digest only, which keep their version. Those of this version have a keyed digest already: the position
# tells them apart.
DIGEST_TOPICS: Final = (
    "ObservationIgnored.v1",
    "ObservationIgnored.v2",
    "ObservationMismatched.v1",
    "LatePaymentReceived.v3",
    "IdempotencyKeyUsed.v1",
)
# Events with a sentence of the provider, which may quote the payer's data.
REFUSALS: Final = ("ChargeRefused.v1", "CancellationRefused.v1", "RefundRefused.v1")
SHA256_BYTES: Final = 32

_encode: Final = msgspec.json.Encoder().encode
_decode_object: Final = msgspec.json.Decoder(dict).decode


class OldEvent(Struct, frozen=True):
    """An event to rewrite: `data` is its decoded JSON in the newest version; `evidence` is its plain digest."""

    row: LogRow
    topic: str
    raw: bytes
    data: dict[str, Any]
    payment_id: int | None
    evidence: bytes | None

    @property
    def is_personal(self) -> bool:
        """Whether something in the event needs the payment's key."""
        email = self.data.get(EMAIL)
        return self.evidence is not None or (email is not None and not is_sealed(email))


def read_old(row: LogRow) -> OldEvent | None:
    """Decode a row of one of these topics; None if it is unreadable."""
    try:
        state = read_state_text(row)
        read_event(row.topic, state.data)
        data = _decode_object(state.data)
        topic, data = upcast(row.topic, data) if row.topic in PLAIN_TOPICS else (row.topic, data)
        evidence = data.get("evidence")
        digest = None if evidence is None else bytes.fromhex(evidence)
        is_of_payment = state.payment_id is not None or row.topic.startswith("IdempotencyKeyUsed.")
        if is_of_payment and (digest is None or len(digest) == SHA256_BYTES):
            return OldEvent(row, topic, bytes(state.data), data, state.payment_id, digest)
    except (UnreadableEvent, msgspec.MsgspecError, ValueError, TypeError):
        pass
    return None


def state_with(old: OldEvent, data: dict[str, Any]) -> bytes:
    """Return the state of an event with other data; every other byte is as before.

    Raises `AssertionError` when the event would say something else than before.
    """
    before, after = read_event(old.row.topic, old.raw), read_event(old.topic, new := _encode(data))
    if _without_personal_data(before) != _without_personal_data(after):
        raise AssertionError(old.row.id)
    head, found, tail = old.row.state.rpartition(old.raw)
    if not found:
        raise AssertionError(old.row.id)
    return bytes(head + new + tail)


def _without_personal_data(event: Event) -> Event:
    fields = {EMAIL, "evidence", "request_digest"} & set(event.__struct_fields__)
    if isinstance(event, ChargeRefused | CancellationRefused | RefundRefused):
        fields.add("reason")
    return replace(event, **dict.fromkeys(fields))
