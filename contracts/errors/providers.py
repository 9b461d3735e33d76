"""Errors of payment providers."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from contracts.errors.entry import entry

if TYPE_CHECKING:
    from collections.abc import Mapping

    from contracts.errors.entry import Entry

ENTRIES: Final[Mapping[str, Entry]] = {
    # Only the provider's own sentence says what the merchant can do about it; no secret is in it.
    "provider_refused": entry(
        502,
        "{words}",
        "O Mercado Pago recusou o pedido: {english}",
        cause="The provider understood the request and refused it; asking again gives the same answer.",
        remedy="Read the provider's own sentence, and correct what it names.",
        answered="Mercado Pago answered {status}: {words}",
        no_charge="There is no charge to give money back for.",
        not_a_number="A Mercado Pago payment id is a number.",
        pix="Mercado Pago refused the Pix: {words}",
        refund=("The provider refused this refund.", "O Mercado Pago recusou o estorno"),
        unknown_change="Mercado Pago does not know what is to be changed.",
        unknown_order="Mercado Pago does not know the order.",
        unknown_write="Mercado Pago does not know what is to be written to.",
    ),
    "provider_misunderstood": entry(
        502,
        "Mercado Pago answered {status}.",
        "O Mercado Pago deu uma resposta inesperada",
        cause="The provider's answer has a shape that the hub does not know; it was not believed.",
        remedy="Look at the payment before repeating the operation, and report the answer to the hub's operator.",
        amount_bounds="An amount is out of bounds.",
        amount_decimals="An amount has more than two decimals.",
        attempt="An attempt to pay could not be understood.",
        no_accounts="Mercado Pago has no accounts here.",
        no_code="Mercado Pago's Pix has no code.",
        no_preferences="Mercado Pago has no preferences here.",
        no_search="Mercado Pago has no search here.",
        not_one_payment="Mercado Pago's order has not one payment.",
        shape="Mercado Pago's answer is not a {shape}: {words}",
        time_bounds="A time of Mercado Pago is out of bounds.",
        time_offset="A time of Mercado Pago has no offset.",
        too_long="Mercado Pago's answer is too long to be one.",
    ),
    "provider_not_connected": entry(
        400,
        "Mercado Pago is not connected for this merchant.",
        "Mercado Pago não configurado para esta padaria",
        cause="The merchant has no account connected, or the provider does not accept its credential.",
        remedy="Connect the merchant's account, or give it another credential.",
        credential="Mercado Pago does not accept the merchant's credential ({status}).",
        no_connection="There is no connection to change.",
        no_credential="Merchant {about!r} has no credential for {provider}.",
        no_pix_key="The merchant has no Pix key.",
        other_account="The charge is on an account that is not connected any more.",
    ),
    "provider_unavailable": entry(
        503,
        "{words}",
        "O Mercado Pago não respondeu; tente novamente em instantes",
        cause="The provider does not answer, is overloaded, or has not finished what it was asked for.",
        remedy="Repeat the request after `Retry-After`; a recorded wish is completed by the hub itself.",
        answered="Mercado Pago answered {status}.",
        attempt_unknown="Whether this refund was made, or another one before, is not known.",
        busy="Mercado Pago is busy with this very request.",
        closing_unknown="Whether the payment was closed is not known yet.",
        left_alone="Mercado Pago wants to be left alone for a while.",
        not_charged="The provider has not made the charge yet.",
        not_closed="The provider has not closed the payment yet.",
        preference_open="Mercado Pago has not closed the preference.",
        refund_pending="The provider is still making the refund.",
        refund_unknown="Whether the refund was made is not known yet.",
        silent="Mercado Pago does not answer ({failure}).",
        standing_unknown="How the payment stands is not known yet.",
        too_slow="The provider takes too long to answer.",
        which_refund="Which of two refunds was made is not known yet.",
    ),
    "provider_shows_nothing": entry(
        503,
        "The provider shows no such attempt.",
        "O Mercado Pago ainda não mostra este pagamento; tente novamente em instantes",
        cause="The provider notified the hub of something that it does not show yet.",
        remedy="Nothing: the hub asks again by itself.",
        thing="The provider shows no such thing.",
    ),
}
