"""What the hub asks of whoever moves the money, in the hub's words.

An adapter folds everything foreign into these shapes, and every foreign failure into
`ProviderRefused`, `ProviderUnavailable` or `ProviderMisunderstood`. Each method bounds its time and its
retries by itself.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Literal, Protocol, Self

from msgspec import Struct

from contracts.events import ChargeCreated, Item
from extrato.values import Credential, Payer


class Receiver(Struct, frozen=True, kw_only=True):
    """Who receives the money of a charge that needs no account at a provider."""

    name: str
    city: str
    pix_key: str | None


class ChargeRequest(Struct, frozen=True, kw_only=True):
    """What is to be charged, by which method (`pix` or `checkout`), and where the provider tells of it.

    All but `asked_at` is the same whenever the provider is asked again.
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
    """What is to be given back; `known_refunds` are the provider's ids of those that are not this one, where known."""

    refund_id: str
    charge: ChargeCreated
    attempt_id: str
    amount_centavos: int
    known_refunds: tuple[str, ...] | None


class RefundSeen(Struct, frozen=True, kw_only=True):
    """A refund as the provider tells of it: `made`, `pending` while it is being made, or `refused`.

    `asked_at` is the provider's time of it, None where it tells none.
    """

    refund_id: str | None
    amount_centavos: int
    state: Literal["made", "pending", "refused"]
    asked_at: datetime | None


class Observation(Struct, frozen=True, kw_only=True):
    """How a provider says that one attempt stands; `answer` is the very bytes that say so."""

    attempt_id: str
    status: str
    status_detail: str | None
    amount_centavos: int
    currency: str
    external_reference: str | None
    refunded_centavos: int
    observed_at: datetime
    paid_at: datetime | None
    payer_email: str | None
    answer: bytes


class ObservedPage(Struct, frozen=True, kw_only=True):
    """Some of the attempts that changed in a span of time; `is_last` when there are no more.

    `answers` counts what the provider told, with what could not be understood and was passed over.
    """

    observations: tuple[Observation, ...]
    answers: int
    is_last: bool


class ChargeCreator(Protocol):
    """Makes charges."""

    name: str

    async def create_charge(self, request: ChargeRequest) -> ChargeCreated:
        """Give a charge that can be paid; asking twice for one payment is harmless."""
        ...


class RemoteProvider(ChargeCreator, Protocol):
    """Holds charges on accounts of its own, and tells how attempts to pay them stand."""

    async def account_of(self, access_token: str) -> str:
        """Tell whose token this is, by the provider's id of the account; raises `ProviderNotConnected`."""
        ...

    async def observe_attempt(self, attempt_id: str, credential: Credential) -> Observation | None:
        """Tell how one attempt stands; None when the provider does not know it."""
        ...

    async def observe_charge(self, charge: ChargeCreated, credential: Credential) -> Observation | None:
        """Tell how a charge stands that is itself the one attempt to pay it; None when the provider does not know."""
        ...

    async def reference_of(self, kind: str, resource_id: str, credential: Credential) -> str | None:
        """Tell which charge a thing that a webhook named is about, by its reference.

        Empty when it is about none, None when the provider does not know it, or not yet.
        """
        ...

    async def cancel_charge(
        self, charge: ChargeCreated, attempts: Sequence[str], *, at: datetime, credential: Credential
    ) -> None:
        """Leave no way to pay from `at` on: close the charge, and cancel these attempts, which are not settled.

        Asking twice is harmless. What became of it only a new observation tells: the payer may have been faster.
        """
        ...

    async def refund_attempt(self, request: RefundRequest, credential: Credential) -> RefundSeen | None:
        """Give money back; asking twice with one `refund_id` gives it back once.

        None when the wish was taken, and only `observe_refunds` tells what became of it; raises `ProviderRefused`
        when it says that no money moves.
        """
        ...

    async def observe_refunds(
        self, charge: ChargeCreated, attempt_id: str, credential: Credential
    ) -> tuple[RefundSeen, ...]:
        """Tell of every refund of an attempt, whoever asked for it."""
        ...

    async def observe_reference(self, external_reference: str, credential: Credential) -> ObservedPage:
        """Tell how every attempt to pay one charge stands; the newest may be missing for a while."""
        ...

    async def observe_changes(
        self, *, since: datetime, until: datetime, offset: int, credential: Credential
    ) -> ObservedPage:
        """Tell which attempts of an account changed from `since` to `until`, oldest change first, from `offset` on."""
        ...


class Providers(Struct, frozen=True):
    """Every provider by name, and those of them that can be asked."""

    creators: Mapping[str, ChargeCreator]
    remote: Mapping[str, RemoteProvider]

    @classmethod
    def of(cls, *, remote: Sequence[RemoteProvider], local: Sequence[ChargeCreator] = ()) -> Self:
        """List providers by their names."""
        by_name = {provider.name: provider for provider in remote}
        return cls(creators={**{creator.name: creator for creator in local}, **by_name}, remote=by_name)
