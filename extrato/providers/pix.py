"""Pix straight to the merchant's own key, by a static BR Code: no provider, no fee, nobody to ask.

The bank tells of the payment by the confirmation route; there is nothing to observe.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from contracts.events import ChargeCreated
from extrato.domain.brcode import InvalidBRCode, encode_static
from extrato.errors import ProviderNotConnected, ProviderRefused
from extrato.providers.port import ObservedPage

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from extrato.ports import Credential
    from extrato.providers.port import ChargeRequest, Observation, RefundRequest, RefundSeen

# Field 62-05 of a static BR Code holds at most 25 letters and digits (Manual do BR Code).
TXID_LENGTH: Final = 25


class PixProvider:
    """Writes BR Codes."""

    name = "pix"
    needs_credential = False
    methods = frozenset({"pix"})

    async def account_of(self, access_token: str) -> str:
        """Refuse: a Pix to the merchant's own key needs no account at a provider."""
        del access_token
        msg = "A Pix to the merchant's own key needs no credential."
        raise ProviderRefused(msg)

    async def create_charge(self, request: ChargeRequest) -> ChargeCreated:
        """Write the code that a payer scans or pastes; raises `ProviderNotConnected` without a Pix key."""
        receiver = request.receiver
        if receiver.pix_key is None:
            msg = "The merchant has no Pix key."
            raise ProviderNotConnected(msg, receiver.name)
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
            raise ProviderRefused(str(error), txid) from error
        return ChargeCreated(
            charge_id=txid, attempt_id=None, account_id=None, checkout_url=None, sandbox_url=None, pix_payload=payload
        )

    async def observe_attempt(self, attempt_id: str, credential: Credential) -> Observation | None:
        """Know nothing: the bank speaks by the confirmation route."""
        del attempt_id, credential
        return None

    async def observe_charge(self, charge: ChargeCreated, credential: Credential) -> Observation | None:
        """Know nothing: the bank speaks by the confirmation route."""
        del charge, credential
        return None

    async def reference_of(self, kind: str, resource_id: str, credential: Credential) -> str | None:
        """Know nothing: nobody sends webhooks about it."""
        del kind, resource_id, credential
        return ""

    async def cancel_charge(
        self, charge: ChargeCreated, attempts: Sequence[str], *, at: datetime, credential: Credential
    ) -> None:
        """Do nothing: a static code cannot be taken back, and money that comes later is told as late."""
        del charge, attempts, at, credential

    async def refund_attempt(self, request: RefundRequest, credential: Credential) -> RefundSeen | None:
        """Refuse: the money is on the merchant's account, and only its bank can send it back."""
        del credential
        msg = "A Pix to the merchant's own key is given back at its bank."
        raise ProviderRefused(msg, request.refund_id)

    async def observe_refunds(
        self, charge: ChargeCreated, attempt_id: str, credential: Credential
    ) -> tuple[RefundSeen, ...]:
        """Know nothing: the bank gives money back without the hub."""
        del charge, attempt_id, credential
        return ()

    async def observe_reference(self, external_reference: str, credential: Credential) -> ObservedPage:
        """Know nothing: the bank speaks by the confirmation route."""
        del external_reference, credential
        return ObservedPage(observations=(), answers=0, is_last=True)

    async def observe_changes(
        self, *, since: datetime, until: datetime, offset: int, credential: Credential
    ) -> ObservedPage:
        """Know nothing: the bank speaks by the confirmation route."""
        del since, until, offset, credential
        return ObservedPage(observations=(), answers=0, is_last=True)
