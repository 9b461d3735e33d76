"""Errors of payment providers."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from contracts.errors.entry import entry

if TYPE_CHECKING:
    from collections.abc import Mapping

    from contracts.errors.entry import Entry

ENTRIES: Final[Mapping[str, Entry]] = {
    # The provider's own sentence tells the merchant what to correct. It contains no secret.
    "provider_refused": entry(
        502,
        "{words}",
        "O Mercado Pago recusou o pedido: {english}",
        cause="The provider understood the request and refused it. A repetition gets the same answer.",
        remedy="Read the provider's own sentence, and correct what it names.",
        answered="Mercado Pago answered {status}: {words}",
        no_charge="The payment has no charge to refund.",
        not_a_number="A Mercado Pago payment id is a number.",
        pix="Mercado Pago refused the Pix: {words}",
        refund=("The provider refused this refund.", "O Mercado Pago recusou o estorno"),
        unknown_change="Mercado Pago does not know the resource to change.",
        unknown_order="Mercado Pago does not know the order.",
        unknown_write="Mercado Pago does not know the resource to write to.",
    ),
    "provider_misunderstood": entry(
        502,
        "Mercado Pago answered {status}.",
        "O Mercado Pago deu uma resposta inesperada",
        cause="The provider's answer has a shape that the hub does not know. The hub did not record the answer.",
        remedy="Check the payment before you repeat the operation, and report the answer to the operator.",
        amount_bounds="An amount is out of bounds.",
        amount_decimals="An amount has more than two decimals.",
        attempt="An attempt to pay could not be understood.",
        no_accounts="Mercado Pago answered 404 to a request for the account.",
        no_code="Mercado Pago's Pix has no code.",
        no_preferences="Mercado Pago answered 404 to the creation of a preference.",
        no_search="Mercado Pago answered 404 to a search.",
        not_one_payment="Mercado Pago's order does not have exactly one payment.",
        shape="Mercado Pago's answer is not a {shape}: {words}",
        time_bounds="A time of Mercado Pago is out of bounds.",
        time_offset="A time of Mercado Pago has no offset.",
        too_long="Mercado Pago's answer exceeds the size limit.",
    ),
    "provider_not_connected": entry(
        400,
        "Mercado Pago is not connected for this merchant.",
        "Mercado Pago não configurado para esta padaria",
        cause="The merchant has no connected account, or the provider does not accept the account's credential.",
        remedy="Connect the merchant's account, or replace its credential.",
        credential="Mercado Pago does not accept the merchant's credential ({status}).",
        no_connection="There is no connection to change.",
        no_credential="Merchant {about!r} has no credential for {provider}.",
        no_pix_key="The merchant has no Pix key.",
        other_account="The account that holds the charge is not connected.",
    ),
    "provider_unavailable": entry(
        503,
        "{words}",
        "O Mercado Pago não respondeu; tente novamente em instantes",
        cause="The provider does not answer, is overloaded, or has not finished the operation.",
        remedy="Repeat the request after `Retry-After`. The hub completes recorded refunds and cancellations "
        "automatically.",
        answered="Mercado Pago answered {status}.",
        attempt_unknown="It is unknown whether Mercado Pago made this refund or an earlier one.",
        budget="The account's budget of calls to Mercado Pago is used up at the moment.",
        busy="Mercado Pago is still processing this request.",
        closing_unknown="It is not known yet whether the provider closed the payment.",
        left_alone="Mercado Pago throttles the account: calls pause.",
        not_charged="The provider has not created the charge yet.",
        not_closed="The provider has not closed the payment yet.",
        preference_open="Mercado Pago has not closed the preference.",
        refund_pending="The provider is still making the refund.",
        refund_unknown="It is not known yet whether the provider made the refund.",
        silent="Mercado Pago does not answer ({failure}).",
        standing_unknown="The payment's status is not known yet.",
        too_slow="The provider takes too long to answer.",
        which_refund="It is not known yet which of two refunds the provider made.",
    ),
    "provider_shows_nothing": entry(
        503,
        "The provider does not show this attempt yet.",
        "O Mercado Pago ainda não mostra este pagamento; tente novamente em instantes",
        cause="The provider sent a webhook about a payment that it does not show yet.",
        remedy="Nothing: the hub asks again automatically.",
        thing="The provider does not show the notified resource yet.",
    ),
}
