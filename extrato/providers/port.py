"""The port of the providers, in the hub's words.

An adapter translates all foreign data into these shapes, and every foreign failure into `ProviderRefused`,
`ProviderUnavailable` or `ProviderMisunderstood`. Each method has its own timeout and retry limit.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Literal, Protocol, Self

from msgspec import Struct

from contracts.events import ChargeCreated, Item
from extrato.values import Credential, Payer


class Receiver(Struct, frozen=True, kw_only=True):
    """The receiver of a charge without an account at a provider."""

    name: str
    city: str
    pix_key: str | None


class ChargeRequest(Struct, frozen=True, kw_only=True):
    """A request for a charge, by method (`pix` or `checkout`), with the URL for the provider's webhooks.

    A repeated request has the same values, except `asked_at`.
    """

    method: str
    payment_id: int
    bank_payment_id: str
    external_reference: str
    amount_centavos: int
    title: str
    description: str
    items: tuple[Item, ...]
    payer: Payer
    expires_at: datetime | None
    notification_url: str
    return_url: str
    receiver: Receiver
    credential: Credential | None
    opened_at: datetime
    asked_at: datetime


class RefundRequest(Struct, frozen=True, kw_only=True):
    """A request for a refund; `known_refunds` are the provider's ids of other, earlier refunds, if known."""

    refund_id: str
    charge: ChargeCreated
    attempt_id: str
    amount_centavos: int
    known_refunds: tuple[str, ...] | None


class RefundSeen(Struct, frozen=True, kw_only=True):
    """A refund in the provider's list: `made`, `pending` while it is in process, or `refused`.

    `asked_at` is the provider's time of the refund; None if it sends none.
    """

    refund_id: str | None
    amount_centavos: int
    state: Literal["made", "pending", "refused"]
    asked_at: datetime | None


class Observation(Struct, frozen=True, kw_only=True):
    """The provider's answer about one attempt; `answer` holds its bytes."""

    attempt_id: str
    status: str
    status_detail: str | None
    amount_centavos: int
    currency: str
    external_reference: str | None
    refunded_centavos: int
    observed_at: datetime
    paid_at: datetime | None
    payer: Payer
    answer: bytes


class ObservedPage(Struct, frozen=True, kw_only=True):
    """One page of the attempts that changed in a span of time; `is_last` on the last page.

    `answers` counts the provider's results, including the unreadable ones that were skipped.
    """

    observations: tuple[Observation, ...]
    answers: int
    is_last: bool


class ChargeCreator(Protocol):
    """Creates charges."""

    name: str

    async def create_charge(self, request: ChargeRequest) -> ChargeCreated:
        """Return a charge that can be paid; a repeated request for one payment is harmless."""
        ...


class RemoteProvider(ChargeCreator, Protocol):
    """Holds charges on its own accounts, and reports the attempts to pay them."""

    async def account_of(self, access_token: str) -> str:
        """Return the provider's id of the token's account; raises `ProviderNotConnected`."""
        ...

    async def observe_attempt(self, attempt_id: str, credential: Credential) -> Observation | None:
        """Return the current state of one attempt; None if the provider does not know it."""
        ...

    async def observe_charge(self, charge: ChargeCreated, credential: Credential) -> Observation | None:
        """Return the current state of a charge that is itself the one attempt; None if the provider has none."""
        ...

    async def reference_of(self, kind: str, resource_id: str, credential: Credential) -> str | None:
        """Return the reference of the charge that a webhook's resource belongs to.

        Empty if it belongs to none; None if the provider does not know the resource, or not yet.
        """
        ...

    async def cancel_charge(
        self, charge: ChargeCreated, attempts: Sequence[str], *, at: datetime, credential: Credential
    ) -> None:
        """Prevent payment from `at` on: close the charge, and cancel these unsettled attempts.

        A repeated request is harmless. Only a new observation shows the outcome: the payer may have paid before.
        """
        ...

    async def refund_attempt(self, request: RefundRequest, credential: Credential) -> RefundSeen | None:
        """Refund money; a repeated request with one `refund_id` refunds it once.

        None if the provider accepted the request and only `observe_refunds` shows the outcome; raises `ProviderRefused`
        if the provider answers that no money moves.
        """
        ...

    async def observe_refunds(
        self, charge: ChargeCreated, attempt_id: str, credential: Credential
    ) -> tuple[RefundSeen, ...]:
        """Return every refund of an attempt, also those that the hub did not request."""
        ...

    async def observe_reference(self, external_reference: str, credential: Credential) -> ObservedPage:
        """Return the current state of every attempt to pay one charge; the newest may be missing for a while."""
        ...

    async def observe_changes(
        self, *, since: datetime, until: datetime, offset: int, credential: Credential
    ) -> ObservedPage:
        """Return the attempts of an account that changed from `since` to `until`, oldest first, from `offset` on."""
        ...


class Providers(Struct, frozen=True):
    """All providers by name, and the remote ones."""

    creators: Mapping[str, ChargeCreator]
    remote: Mapping[str, RemoteProvider]

    @classmethod
    def of(cls, *, remote: Sequence[RemoteProvider], local: Sequence[ChargeCreator] = ()) -> Self:
        """Return the providers by name."""
        by_name = {provider.name: provider for provider in remote}
        return cls(creators={**{creator.name: creator for creator in local}, **by_name}, remote=by_name)
