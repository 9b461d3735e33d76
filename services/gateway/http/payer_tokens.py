"""The tokens in payer links: computed from the payment's identifiers, so that the hub stores none of them."""

from __future__ import annotations

import asyncio
import hmac
import re
from typing import TYPE_CHECKING, Final, Protocol

import structlog

from extrato.store.payer_secrets import PayerSecrets
from extrato.store.sealing import KeyedDigest
from extrato.store.unavailable import DATABASE_ERRORS, raising_unavailable
from extrato.store.vault_keys import InvalidVaultKey

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    import asyncpg

    from extrato.store.vault import Vault
    from extrato.use_cases.payments import LoadedPayment

TOKEN_LENGTH: Final = 32
# A token's code; a token that expires also has its time of expiry, in hex seconds since 1970.
TOKEN: Final = re.compile(rf"(?P<code>[0-9a-f]{{{TOKEN_LENGTH}}})(?:-(?P<ends>[0-9a-f]{{8}}))?")
CUT_OFF: Final = "SELECT position FROM payer_token_cut_off"
# How often a gateway reads the secrets: much more often than a rotation needs before a new secret makes tokens.
READ_EVERY_S: Final = 1.0

_logger = structlog.get_logger(component="payer_tokens")


class PayerTokens:
    """Makes and checks tokens; each opens one payment only.

    A token is an HMAC of the payment's number and its random identifier, because a restored database may assign a
    number again. A token that expires also covers its time of expiry. The first secret makes tokens; all secrets check
    them. For payments opened up to the position `cut_off`, payers hold older tokens, over the number only.
    """

    def __init__(self, secrets: Sequence[bytes], *, cut_off: int) -> None:
        self._cut_off = cut_off
        self.use_secrets(secrets)

    def use_secrets(self, secrets: Sequence[bytes]) -> None:
        """Use these secrets from now on."""
        self._keys = [KeyedDigest(hmac.digest(secret, b"extrato payer tokens", "sha256")) for secret in secrets]

    def make(self, payment: LoadedPayment) -> str:
        """Return the token of a payment: 128 bits in hex, the same every time."""
        return self.make_for(payment.payment_id, payment.payment.intent.bank_payment_id)

    def make_for(self, payment_id: int, bank_payment_id: str) -> str:
        """Return the token of a payment by its identifiers."""
        return _code(self._keys[0], _names(payment_id, bank_payment_id))

    def make_until(self, payment: LoadedPayment, ends_at: datetime) -> str:
        """Return a token that opens the payment until `ends_at`."""
        ends = f"{int(ends_at.timestamp()):08x}"
        return f"{_code(self._keys[0], _names_until(payment, ends))}-{ends}"

    def opens(self, token: str, payment: LoadedPayment, *, now: datetime) -> bool:
        """Return whether `token` belongs to the payment and has not expired, in constant time."""
        form = TOKEN.fullmatch(token)
        if form is None:
            return False
        ends = form["ends"]
        names = [_names_of(payment) if ends is None else _names_until(payment, ends)]
        if ends is None and payment.opened_position <= self._cut_off:
            names.append(str(payment.payment_id))
        is_ours = False
        for key in self._keys:
            for each in names:
                is_ours |= hmac.compare_digest(form["code"], _code(key, each))
        return is_ours and (ends is None or now.timestamp() < int(ends, 16))


def is_token(text: str) -> bool:
    """Return whether a text has the form of a token."""
    return TOKEN.fullmatch(text) is not None


def _code(key: KeyedDigest, names: str) -> str:
    return key.digest(names.encode()).hex()[:TOKEN_LENGTH]


def _names(payment_id: int, bank_payment_id: str) -> str:
    return f"{payment_id}\n{bank_payment_id}"


def _names_of(payment: LoadedPayment) -> str:
    return _names(payment.payment_id, payment.payment.intent.bank_payment_id)


def _names_until(payment: LoadedPayment, ends: str) -> str:
    return f"{_names_of(payment)}\nuntil {ends}"


async def payer_tokens(vault: Vault, pool: asyncpg.Pool) -> PayerTokens:
    """Read the secrets of this hub; raises `StoreUnavailable` and `InvalidVaultKey`."""
    secrets = await PayerSecrets(pool, vault).read()
    with raising_unavailable():
        cut_off: int | None = await pool.fetchval(CUT_OFF)
    return PayerTokens(secrets.opening, cut_off=cut_off or 0)


class UsesSecrets(Protocol):
    """Makes something with the first secret, and checks it with every one."""

    def use_secrets(self, secrets: Sequence[bytes]) -> None:
        """Use these secrets from now on."""


async def follow_secrets(users: Sequence[UsesSecrets], vault: Vault, pool: asyncpg.Pool) -> None:
    """Read the secrets again every `READ_EVERY_S`, so that rotations take effect."""
    secrets, is_shut = PayerSecrets(pool, vault), False
    while True:
        await asyncio.sleep(READ_EVERY_S)
        try:
            opening = (await secrets.read()).opening
            for user in users:
                user.use_secrets(opening)
            is_shut = False
        except DATABASE_ERRORS:
            # Payments cannot be read either meanwhile.
            continue
        except InvalidVaultKey as error:
            if not is_shut:
                _logger.error("payer_secrets_stay_shut", reason=error.message)  # noqa: TRY400 - the reason is known
            is_shut = True
