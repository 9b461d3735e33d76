"""The tokens in payers' addresses: made from what names a payment, so that nothing is stored for each of them."""

from __future__ import annotations

import hmac
from typing import TYPE_CHECKING, Final

from extrato.errors import StoreUnavailable
from extrato.store.unavailable import LINE_BROKE

if TYPE_CHECKING:
    import asyncpg

    from extrato.store.vault import Vault
    from extrato.use_cases.hub import LoadedPayment

TOKEN_LENGTH: Final = 32
# The name of the hub's secret that makes payers' tokens; rotating the vault's key leaves it as it is.
PAYER_TOKENS: Final = "payer_tokens"
CUT_OFF: Final = "SELECT position FROM payer_token_cut_off"


class PayerTokens:
    """Makes and checks tokens; each opens one payment and nothing else.

    A token is an HMAC of the payment's number and its random identifier: a number may be given again after the
    database was restored. To payments that were opened up to the position `cut_off`, older versions made tokens of the
    number alone, which payers still hold.
    """

    def __init__(self, secret: bytes, *, cut_off: int) -> None:
        self._key = hmac.digest(secret, b"extrato payer tokens", "sha256")
        self._cut_off = cut_off

    def make(self, payment: LoadedPayment) -> str:
        """Give the token of a payment: 128 bits in hex, the same every time."""
        return self._token(f"{payment.payment_id}\n{payment.payment.intent.bank_payment_id}")

    def opens(self, token: str, payment: LoadedPayment) -> bool:
        """Say whether `token` is the payment's, in constant time."""
        given = token.encode()
        is_ours = hmac.compare_digest(given, self.make(payment).encode())
        if payment.opened_position > self._cut_off:
            return is_ours
        return is_ours | hmac.compare_digest(given, self._token(str(payment.payment_id)).encode())

    def _token(self, names: str) -> str:
        return hmac.digest(self._key, names.encode(), "sha256").hex()[:TOKEN_LENGTH]


async def payer_tokens(vault: Vault, pool: asyncpg.Pool) -> PayerTokens:
    """Give the tokens of this hub; raises `StoreUnavailable` and `InvalidVaultKey`."""
    secret = await vault.secret(PAYER_TOKENS)
    try:
        cut_off: int | None = await pool.fetchval(CUT_OFF)
    except LINE_BROKE as error:
        raise StoreUnavailable("The database does not answer.") from error
    return PayerTokens(secret, cut_off=cut_off or 0)
