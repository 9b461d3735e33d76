"""`GET /users/me`: the merchant behind an access token."""

from __future__ import annotations

from typing import TYPE_CHECKING

from services.sandbox.state.json_body import answer

if TYPE_CHECKING:
    from aiohttp import web

    from services.sandbox.simulator import Simulator
    from services.sandbox.state.accounts import Account


async def show_me(_sim: Simulator, account: Account, _request: web.Request) -> web.Response:
    """Answer the merchant; the tag `test_user` marks a test user, as in the real API."""
    return answer(
        {
            "id": account.collector_id,
            "nickname": account.nickname,
            "email": f"test_user_{account.collector_id}@testuser.com",
            "site_id": "MLB",
            "country_id": "BR",
            "user_type": "normal",
            "tags": ["normal", *(["test_user"] if account.is_test_user else [])],
            "status": {"site_status": "active"},
        }
    )
