"""Bodies of the Pix routes: an own-key Pix, its confirmation and its returns."""

from __future__ import annotations

from typing import Annotated

from msgspec import Meta, Struct

from contracts.api import request_fields as fields
from contracts.api.types import (
    Address,
    AmountDue,
    AttemptId,
    Description,
    ErrorCode,
    ExpiresAt,
    HeldAmount,
    Message,
    OpenedAt,
    PaymentId,
    PixCode,
    PixPageUrl,
    Reais,
    RefundedAmount,
    Slug,
    Status,
)


class PixPayer(Struct, kw_only=True, forbid_unknown_fields=True):
    """The payer, as far as the merchant knows."""

    email: Annotated[fields.Email | None, Meta(description="The payer's e-mail address.")] = None
    name: Annotated[fields.Text | None, Meta(description="The payer's name; it is not kept.")] = None


class PixCreation(Struct, kw_only=True, forbid_unknown_fields=True):
    """Asks for a Pix charge of `value` reais."""

    value: Annotated[fields.Amount, Meta(description="The amount of the charge, in reais.")]
    padaria_slug: Annotated[
        fields.Slug | None,
        Meta(description="The merchant's slug. A key of a merchant charges for that merchant without it."),
    ] = None
    description: Annotated[
        fields.Text | None, Meta(description="What is paid for; by default “Pagamento a” and the merchant's name.")
    ] = None
    payer: Annotated[
        PixPayer | None,
        Meta(description="The payer.", extra=fields.every_fault("invalid_payer")),
    ] = None
    expires_in_minutes: Annotated[
        fields.Minutes | None, Meta(description="For how many minutes the charge can be paid; by default 30.")
    ] = None


class PixPayment(Struct, kw_only=True):
    """A Pix charge; `qr_code` is the file name of its picture, `payload` its copy-and-paste code."""

    id: PaymentId
    value: AmountDue
    status: Status
    expiration_date: ExpiresAt
    bank_payment_id: Annotated[str, Meta(description="Names the charge to the bank, and cannot be guessed.")]
    qr_code: Annotated[str, Meta(description="The file name of the picture of the code.")]
    qr_code_url: Annotated[Address, Meta(description="The picture of the code.")]
    payload: PixCode
    payment_url: PixPageUrl
    padaria_slug: Slug
    description: Description
    created_at: OpenedAt


class PixCreated(Struct, kw_only=True):
    """The charge exists and can be paid; the payment's code and page stand beside it as well."""

    message: Message
    payment: Annotated[PixPayment, Meta(description="The charge.")]
    payload: PixCode
    payment_url: PixPageUrl


class PixConfirmation(Struct, kw_only=True):
    """The bank reports that `value` reais arrived for a charge. Other fields are ignored.

    Without `end_to_end_id`, two transfers of the same amount cannot be distinguished from one that is reported twice.
    The time of payment decides whether the charge was paid in time.
    """

    bank_payment_id: Annotated[
        fields.BankPaymentId, Meta(description="The `bank_payment_id` that the creation of the charge answered.")
    ]
    value: Annotated[fields.Amount, Meta(description="The amount that arrived, in reais.")]
    end_to_end_id: Annotated[
        fields.EndToEndId | None, Meta(description="Pix's name of the transfer (EndToEndId): 32 letters and digits.")
    ] = None
    paid_at: Annotated[fields.PaidAt | None, Meta(description="When the payer paid, ISO 8601 with its offset.")] = None
    horario: Annotated[fields.PaidAt | None, Meta(description="The same as `paid_at`, under Banco Central's name.")] = (
        None
    )


class PixReturn(Struct, kw_only=True):
    """The bank reports that it gave `amount` reais of a Pix back to the payer. Other fields are ignored."""

    return_id: Annotated[
        fields.ReturnId,
        Meta(description="The bank's name of the return (RtrId of Pix). The same return is recorded once."),
    ]
    amount: Annotated[fields.Amount, Meta(description="The amount that went back, in reais.")]
    returned_at: Annotated[fields.ReturnedAt, Meta(description="When it went back, ISO 8601 with its offset.")]
    end_to_end_id: Annotated[
        fields.EndToEndId | None,
        Meta(description="Pix's name of the transfer; needed where the charge holds the money of two."),
    ] = None


class PixReturned(Struct, kw_only=True):
    """The return is recorded; the amounts are in reais."""

    message: Message
    payment_id: PaymentId
    return_id: Annotated[str, Meta(description="The bank's name of the return.")]
    end_to_end_id: Annotated[AttemptId, Meta(description="The transfer that the money is of.")]
    amount: Annotated[Reais, Meta(description="What was given back, in reais.")]
    status: Status
    held_amount: HeldAmount
    refunded_amount: RefundedAmount


class PixConfirmed(Struct, kw_only=True):
    """The charge is paid."""

    message: Message


class PixError(Struct, kw_only=True):
    """Something is wrong with a request to a Pix route; `code` is stable and for programs, `message` is English."""

    message: Annotated[str, Meta(description="What is wrong, in English, for people.")]
    code: ErrorCode
