"""The merchant accounts that the simulated Mercado Pago knows."""

from __future__ import annotations

import hashlib
import uuid
from typing import Annotated

import msgspec


class Account(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A merchant: the token that opens the API, and the secret that signs its webhooks.

    `webhook_url` is the address in its panel. A test user is refused direct payments and refunds, while preferences
    and orders work; its orders have `ORDTST…` names, and their payers an address at testuser.com.
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


# These open nothing but a sandbox that is started by itself: `extrato up` has its webhooks signed with a secret.
DEMO_ACCOUNT = Account(
    access_token="APP_USR-0000000000000001-112300-0123456789abcdef0123456789abcdef-174087000",  # noqa: S106
    collector_id=174087000,
    nickname="Padaria do Marcos",
    webhook_secret="demo-webhook-secret-of-padaria-do-marcos",  # noqa: S106
)


def token_digest(access_token: str) -> str:
    """Return eight hexadecimal digits that stand for a token where it must not be shown."""
    return hashlib.sha256(access_token.encode()).hexdigest()[:8]


class Accounts:
    """Finds a merchant by its access token or its collector id."""

    def __init__(self, accounts: tuple[Account, ...]) -> None:
        """Take the configured accounts, whose tokens and collectors are all different."""
        self._configured = accounts
        self.reset()

    def reset(self) -> None:
        """Return to the accounts as they were configured."""
        self._by_token = {account.access_token: account for account in self._configured}
        self._by_collector = {account.collector_id: account for account in self._configured}

    def replace(self, account: Account) -> None:
        """Take other settings for a merchant whose token and collector id stay the same."""
        self._by_token[account.access_token] = account
        self._by_collector[account.collector_id] = account

    def with_token(self, access_token: str) -> Account | None:
        """Return the merchant who owns this token; tokens are never parsed for meaning."""
        return self._by_token.get(access_token)

    def of_collector(self, collector_id: int) -> Account | None:
        """Return the merchant with this collector id, `None` if it is no longer configured."""
        return self._by_collector.get(collector_id)

    @staticmethod
    def nameless(collector_id: int) -> Account:
        """Stand in for a merchant who left the configuration, so that old records can still be shown."""
        return Account(
            access_token=f"removed-{collector_id}",
            collector_id=collector_id,
            nickname="LOJA",
            webhook_secret="removed",  # noqa: S106
        )
