"""Direct Pix to the merchant's own key, by a static BR Code, without a remote provider and without a fee.

The bank confirms the payment by the confirmation route; the hub cannot observe it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from contracts.events import ChargeCreated
from contracts.providers import DIRECT_PIX
from extrato.domain.brcode import InvalidBRCode, encode_static
from extrato.errors import ProviderNotConnected, ProviderRefused

if TYPE_CHECKING:
    from extrato.providers.port import ChargeRequest

# Field 62-05 of a static BR Code holds at most 25 letters and digits (Manual do BR Code).
TXID_LENGTH: Final = 25


class PixProvider:
    """Creates charges as BR Codes."""

    name = DIRECT_PIX

    async def create_charge(self, request: ChargeRequest) -> ChargeCreated:
        """Return the code that a payer scans or pastes; raises `ProviderNotConnected` without a Pix key."""
        receiver = request.receiver
        if receiver.pix_key is None:
            raise ProviderNotConnected(receiver.name, why="no_pix_key")
        txid = request.bank_payment_id.replace("-", "")[:TXID_LENGTH].upper()
        try:
            payload = encode_static(
                pix_key=receiver.pix_key,
                receiver_name=receiver.name,
                receiver_city=receiver.city,
                amount_centavos=request.amount_centavos,
                txid=txid,
                description=request.description,
            )
        except InvalidBRCode as error:
            raise ProviderRefused(txid, words=error.message) from error
        return ChargeCreated(
            charge_id=txid, attempt_id=None, account_id=None, checkout_url=None, sandbox_url=None, pix_payload=payload
        )
