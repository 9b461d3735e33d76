"""The merchant accounts that the simulated Mercado Pago knows."""

from __future__ import annotations

import hashlib
import uuid
from typing import Annotated

import msgspec


class Account(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A merchant: the access token for the API, and the secret that signs its webhooks.

    `webhook_url` is the address in its panel. The API rejects direct payments and refunds of a test user, but accepts
    preferences and orders. A test user's orders have `ORDTST…` names, and payers with an address at testuser.com.
    """

    access_token: Annotated[str, msgspec.Meta(min_length=1)]
    collector_id: Annotated[int, msgspec.Meta(gt=0)]
    nickname: Annotated[str, msgspec.Meta(pattern="[A-Za-z0-9]")]
    webhook_secret: Annotated[str, msgspec.Meta(min_length=1)]
    webhook_url: Annotated[str, msgspec.Meta(pattern=r"^https?://[^/\s]")] | None = None
    is_test_user: bool = False

    @property
    def pix_key(self) -> str:
        """The random (EVP) Pix key of this merchant, always the same for the same collector."""
        return str(uuid.uuid5(uuid.NAMESPACE_OID, f"pix-key-of-{self.collector_id}"))

    @property
    def client_id(self) -> str:
        """The application id: 16 digits in a string, as in a captured preference."""
        return f"{self.collector_id:016d}"


# Public values, for a sandbox that runs alone. `extrato up` configures a secret of its home for the webhooks.
DEMO_ACCOUNT = Account(
    access_token="APP_USR-0000000000000001-112300-0123456789abcdef0123456789abcdef-174087000",  # noqa: S106
    collector_id=174087000,
    nickname="Padaria do Marcos",
    webhook_secret="demo-webhook-secret-of-padaria-do-marcos",  # noqa: S106
)


def token_digest(access_token: str) -> str:
    """Return eight hexadecimal digits that identify a token without revealing it."""
    return hashlib.sha256(access_token.encode()).hexdigest()[:8]


class Accounts:
    """Finds a merchant by its access token or its collector id."""

    def __init__(self, accounts: tuple[Account, ...]) -> None:
        """Take the configured accounts, whose tokens and collectors are all different."""
        self._configured = accounts
        self.reset()

    def reset(self) -> None:
        """Restore the configured accounts."""
        self._by_token = {account.access_token: account for account in self._configured}
        self._by_collector = {account.collector_id: account for account in self._configured}

    def replace(self, account: Account) -> None:
        """Replace the settings of a merchant; token and collector id stay the same."""
        self._by_token[account.access_token] = account
        self._by_collector[account.collector_id] = account

    def with_token(self, access_token: str) -> Account | None:
        """Return the merchant with this token; the sandbox never parses tokens."""
        return self._by_token.get(access_token)

    def of_collector(self, collector_id: int) -> Account | None:
        """Return the merchant with this collector id, `None` if it is not configured."""
        return self._by_collector.get(collector_id)

    @staticmethod
    def placeholder(collector_id: int) -> Account:
        """Return an account for the old records of a merchant that the configuration lacks."""
        return Account(
            access_token=f"removed-{collector_id}",
            collector_id=collector_id,
            nickname="LOJA",
            webhook_secret="removed",  # noqa: S106
        )
