"""What an operator does to merchants, their providers and their keys."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from contracts import api
from contracts.operations.common import READING, TEXT
from contracts.operations.operation import Answer, Operation, Parameter

if TYPE_CHECKING:
    from msgspec import Struct

_ADMIN: Final = "Administration"


def _administration(
    method: str,
    path: str,
    name: str,
    summary: str,
    *,
    description: str = "",
    body: type[Struct] | None = None,
    answers: dict[int, Answer] | None = None,
    refusals: tuple[int, ...] = (),
) -> Operation:
    """Describe what is done to one merchant; another's is told like one that does not exist."""
    with_body = (408, 413, 415) if body else ()
    return Operation(
        name=name,
        method=method,
        path=f"/admin/merchants/{{merchant}}{path}",
        tag=_ADMIN,
        summary=summary,
        description=description,
        scope="admin",
        limit="lists" if method == "GET" else "creations",
        or_slash=True,
        body=body,
        answers=answers or {200: Answer(description="The merchant as it is.", body=api.MerchantShown)},
        refusals=tuple(sorted((*READING, *with_body, *refusals))),
    )


ADMIN: Final = (
    Operation(
        name="registerMerchant",
        method="POST",
        path="/admin/merchants",
        tag=_ADMIN,
        summary="Register a merchant.",
        description="For keys of the hub only. One that exists just so is given again, with status 200.",
        scope="admin",
        body=api.MerchantCreation,
        limit="creations",
        or_slash=True,
        answers={
            200: Answer(description="The merchant was there already.", body=api.MerchantShown),
            201: Answer(description="The merchant exists.", body=api.MerchantShown),
        },
        refusals=(400, 408, 409, 413, 415, 429, 500, 503),
    ),
    Operation(
        name="listMerchants",
        method="GET",
        path="/admin/merchants",
        tag=_ADMIN,
        summary="List the merchants that the key administers, by slug.",
        description="The list is a read model, and may lag a moment behind.",
        scope="admin",
        query=(
            Parameter(name="after", description="Begin after this slug.", schema=TEXT),
            Parameter(
                name="limit",
                description="How many merchants at most.",
                schema={"type": "integer", "minimum": 1, "maximum": 1000, "default": 100},
            ),
        ),
        limit="lists",
        or_slash=True,
        answers={200: Answer(description="Some merchants.", body=api.MerchantList)},
        refusals=(400, 429, 500, 503),
    ),
    _administration("GET", "", "showMerchant", "Show a merchant as it is now."),
    _administration("PATCH", "", "renameMerchant", "Give a merchant another name or city.", body=api.MerchantNaming),
    _administration("PUT", "/pix-key", "setPixKey", "Say where a merchant receives Pix.", body=api.PixKeyGiven),
    _administration("DELETE", "/pix-key", "removePixKey", "Have a merchant receive no Pix to a key of its own."),
    _administration("PUT", "/products/{product}", "priceProduct", "Sell a product at a price.", body=api.PriceGiven),
    _administration(
        "DELETE",
        "/products/{product}",
        "withdrawProduct",
        "Stop selling a product.",
        description="A product that was never sold is refused with `unknown_product` and the nearest name. "
        "One that was withdrawn before is answered like the first time.",
    ),
    _administration(
        "PUT",
        "/providers/{provider}",
        "connectProvider",
        "Connect an account at a provider, or give it another credential.",
        description="The provider is asked whose token it is; nothing is kept while it is away. Every process uses the "
        "credential within five seconds. Another account than the connected one is refused: disconnect that first.",
        body=api.CredentialGiven,
        refusals=(409, 502),
    ),
    _administration(
        "DELETE",
        "/providers/{provider}",
        "disconnectProvider",
        "Forget the credential of a provider.",
        description="No process uses it after five seconds. What was charged on the account is watched no more.",
    ),
    _administration(
        "PUT",
        "/providers/{provider}/webhook-secret",
        "setWebhookSecret",
        "Take notifications signed with another secret.",
        description="Notifications are judged by it in every process within five seconds.",
        body=api.WebhookSecretGiven,
    ),
    _administration(
        "POST",
        "/api-keys",
        "issueApiKey",
        "Issue an API key.",
        description="The key is shown in this answer and never again. `{}` asks for one with the scopes that a shop's "
        "backend needs: payments:write, payments:read, payments:refund. It may have any scope of a merchant, also "
        "`confirm` and `admin`: a key that administers is as good as every key of the merchant. One with "
        "`listed_prices_only` orders products by their names and sets no price; it cannot be one that administers.",
        body=api.ApiKeyWanted,
        answers={201: Answer(description="The key.", body=api.ApiKeyCreated)},
    ),
    _administration(
        "GET",
        "/api-keys",
        "listApiKeys",
        "List the API keys, revoked ones too.",
        answers={200: Answer(description="The keys.", body=api.ApiKeyList)},
    ),
    _administration(
        "DELETE",
        "/api-keys/{key_id}",
        "revokeApiKey",
        "Revoke an API key.",
        description="Every gateway refuses it within a second.",
        answers={200: Answer(description="The keys.", body=api.ApiKeyList)},
    ),
)
