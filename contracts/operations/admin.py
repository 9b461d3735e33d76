"""What an operator does to merchants, their providers and their keys."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from contracts import api
from contracts.operations.codes import OF_VAULT, OF_WRITING
from contracts.operations.common import TEXT
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
    codes: tuple[str, ...] = (),
) -> Operation:
    """Describe what is done to one merchant; another's is told like one that does not exist."""
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
        codes=codes if method == "GET" else (*codes, *OF_WRITING),
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
        codes=("invalid_slug", "reserved_slug", "invalid_merchant", "merchant_exists", *OF_WRITING),
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
        codes=("invalid_limit", "invalid_slug"),
    ),
    _administration("GET", "", "showMerchant", "Show a merchant as it is now."),
    _administration(
        "PATCH",
        "",
        "renameMerchant",
        "Give a merchant another name or city.",
        body=api.MerchantNaming,
        codes=("missing_field", "invalid_merchant"),
    ),
    _administration(
        "PUT",
        "/pix-key",
        "setPixKey",
        "Say where a merchant receives Pix.",
        body=api.PixKeyGiven,
        codes=(
            "pix_key_unusable",
            "pix_key_unknown_kind",
            "pix_key_invalid_cpf",
            "pix_key_invalid_cnpj",
            "pix_key_invalid_phone",
            "pix_key_invalid_email",
            "pix_key_invalid_evp",
            "pix_key_wrong_check_digits",
        ),
    ),
    _administration("DELETE", "/pix-key", "removePixKey", "Have a merchant receive no Pix to a key of its own."),
    _administration(
        "PUT",
        "/products/{product}",
        "priceProduct",
        "Sell a product at a price.",
        body=api.PriceGiven,
        codes=("invalid_product", "too_many_products"),
    ),
    _administration(
        "DELETE",
        "/products/{product}",
        "withdrawProduct",
        "Stop selling a product.",
        description="A product that was never sold is refused with `unknown_product` and the nearest name. "
        "One that was withdrawn before is answered like the first time.",
        codes=("unknown_product",),
    ),
    _administration(
        "PUT",
        "/providers/{provider}",
        "connectProvider",
        "Connect an account at a provider, or give it another credential.",
        description="The provider is asked whose token it is; nothing is kept while it is away. Every process uses the "
        "credential within five seconds. Another account than the connected one is refused: disconnect that first.",
        body=api.CredentialGiven,
        codes=(
            *OF_VAULT,
            "invalid_credential",
            "credential_not_accepted",
            "account_mismatch",
            "another_account_connected",
            "unknown_pix_api",
            "provider_misunderstood",
            "provider_unavailable",
        ),
    ),
    _administration(
        "DELETE",
        "/providers/{provider}",
        "disconnectProvider",
        "Forget the credential of a provider.",
        description="No process uses it after five seconds. What was charged on the account is watched no more.",
        codes=OF_VAULT,
    ),
    _administration(
        "PUT",
        "/providers/{provider}/webhook-secret",
        "setWebhookSecret",
        "Take notifications signed with another secret.",
        description="Notifications are judged by it in every process within five seconds.",
        body=api.WebhookSecretGiven,
        codes=(*OF_VAULT, "invalid_credential", "provider_not_connected"),
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
        codes=("invalid_api_key_name", "admin_sets_prices", "api_key_exists", "too_many_api_keys"),
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
