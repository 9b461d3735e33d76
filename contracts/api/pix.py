"""Bodies of the Pix routes: a direct Pix, its confirmation and its returns."""

from __future__ import annotations

from typing import Annotated

from msgspec import Meta, Struct

from contracts.api import request_fields as fields
from contracts.api.payment_page import PaymentPage
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
    name: Annotated[fields.Text | None, Meta(description="The payer's name. The hub does not store it.")] = None


class PixCreation(Struct, kw_only=True, forbid_unknown_fields=True):
    """A request for a Pix charge of `value` reais."""

    value: Annotated[fields.Amount, Meta(description="The amount of the charge, in reais.")]
    padaria_slug: Annotated[
        fields.Slug | None,
        Meta(description="The merchant's slug; by default the merchant of the API key."),
    ] = None
    description: Annotated[
        fields.Text | None,
        Meta(description="The purpose of the payment; by default “Pagamento a” and the merchant's name."),
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
    bank_payment_id: Annotated[str, Meta(description="The bank's id of the charge; it cannot be guessed.")]
    qr_code: Annotated[str, Meta(description="The file name of the picture of the code.")]
    qr_code_url: Annotated[Address, Meta(description="The picture of the code.")]
    payload: PixCode
    payment_url: PixPageUrl
    padaria_slug: Slug
    description: Description
    created_at: OpenedAt


class PixCreated(Struct, kw_only=True):
    """The charge was created. `payload` and `payment_url` are those of `payment`."""

    message: Message
    payment: Annotated[PixPayment, Meta(description="The charge.")]
    payload: PixCode
    payment_url: PixPageUrl
    payment_page: Annotated[PaymentPage, Meta(description="The way of the payer.")]


class PixConfirmation(Struct, kw_only=True):
    """The bank reports that `value` reais arrived for a charge. Other fields are ignored.

    Without `end_to_end_id`, two transfers of the same amount cannot be distinguished from one that is reported twice.
    The time of payment decides whether the charge was paid in time.
    """

    bank_payment_id: Annotated[
        fields.BankPaymentId, Meta(description="The `bank_payment_id` from the answer to the creation of the charge.")
    ]
    value: Annotated[fields.Amount, Meta(description="The amount that arrived, in reais.")]
    end_to_end_id: Annotated[
        fields.EndToEndId | None, Meta(description="Pix's id of the transfer (EndToEndId): 32 letters and digits.")
    ] = None
    paid_at: Annotated[fields.PaidAt | None, Meta(description="When the payer paid, ISO 8601 with its offset.")] = None
    horario: Annotated[fields.PaidAt | None, Meta(description="The same as `paid_at`, under Banco Central's name.")] = (
        None
    )


class PixReturn(Struct, kw_only=True):
    """The bank reports that it returned `amount` reais of a Pix to the payer. Other fields are ignored."""

    return_id: Annotated[
        fields.ReturnId,
        Meta(description="The bank's id of the return (RtrId of Pix). The hub records each return once."),
    ]
    amount: Annotated[fields.Amount, Meta(description="The returned amount, in reais.")]
    returned_at: Annotated[
        fields.ReturnedAt, Meta(description="When the bank returned the money, ISO 8601 with its offset.")
    ]
    end_to_end_id: Annotated[
        fields.EndToEndId | None,
        Meta(description="Pix's id of the transfer; required if the payment holds money of several transfers."),
    ] = None


class PixReturned(Struct, kw_only=True):
    """The return is recorded; the amounts are in reais."""

    message: Message
    payment_id: PaymentId
    return_id: Annotated[str, Meta(description="The bank's id of the return.")]
    end_to_end_id: Annotated[AttemptId, Meta(description="The returned transfer.")]
    amount: Annotated[Reais, Meta(description="The returned amount, in reais.")]
    status: Status
    held_amount: HeldAmount
    refunded_amount: RefundedAmount


class PixConfirmed(Struct, kw_only=True):
    """The charge is paid."""

    message: Message


class PixError(Struct, kw_only=True):
    """An error of a Pix route. `code` is stable and for programs; `message` is English, for people."""

    message: Annotated[str, Meta(description="The error in English, for people.")]
    code: ErrorCode
