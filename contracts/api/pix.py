"""Bodies of the Pix routes: an own-key Pix, its confirmation and its returns."""

from __future__ import annotations

from msgspec import UNSET, Struct, UnsetType


class PixPayer(Struct, kw_only=True, forbid_unknown_fields=True):
    """Who is going to pay, as far as the merchant knows."""

    email: str | UnsetType = UNSET
    name: str | UnsetType = UNSET


class PixCreation(Struct, kw_only=True, forbid_unknown_fields=True):
    """Asks for a Pix charge of `value` reais."""

    value: float
    padaria_slug: str | UnsetType = UNSET
    description: str | UnsetType = UNSET
    payer: PixPayer | UnsetType = UNSET
    expires_in_minutes: int | UnsetType = UNSET


class PixPayment(Struct, kw_only=True):
    """A Pix charge; `qr_code` is the file name of its picture, `payload` its copy-and-paste code."""

    id: int
    value: float
    status: str
    expiration_date: str
    bank_payment_id: str
    qr_code: str
    qr_code_url: str
    payload: str
    payment_url: str
    padaria_slug: str
    description: str
    created_at: str


class PixCreated(Struct, kw_only=True):
    """The charge exists and can be paid; the payment's code and page stand beside it as well."""

    message: str
    payment: PixPayment
    payload: str
    payment_url: str


class PixConfirmation(Struct, kw_only=True):
    """The bank tells that `value` reais arrived for a charge.

    `end_to_end_id` names the transfer: a code can be paid twice, and only by this are two transfers told from one that
    is told twice. `paid_at` is when the payer paid, ISO 8601 with its offset; `horario` is the same under
    Banco Central's name. It decides whether the charge was paid in time. Other fields are ignored.
    """

    bank_payment_id: str
    value: float
    end_to_end_id: str | UnsetType = UNSET
    paid_at: str | UnsetType = UNSET
    horario: str | UnsetType = UNSET


class PixReturn(Struct, kw_only=True):
    """The bank gave `amount` reais of a Pix back to the payer.

    `return_id` is the bank's name of it (Pix calls it RtrId), at most 35 characters: told again, it is recorded once.
    `returned_at` is when, ISO 8601 with its offset. `end_to_end_id` names the transfer, and is needed where the money
    of two is held. Other fields are ignored.
    """

    return_id: str
    amount: float
    returned_at: str
    end_to_end_id: str | UnsetType = UNSET


class PixReturned(Struct, kw_only=True):
    """The return is recorded; the amounts are in reais."""

    message: str
    payment_id: int
    return_id: str
    end_to_end_id: str
    amount: float
    status: str
    held_amount: float
    refunded_amount: float


class PixConfirmed(Struct, kw_only=True):
    """The charge is paid."""

    message: str


class PixError(Struct, kw_only=True):
    """Something is wrong with a request to a Pix route; `code` is stable and for programs, `message` is English."""

    message: str
    code: str
