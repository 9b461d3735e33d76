"""Operations that manage merchants, their providers, products and API keys."""

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
    """Make an operation on one merchant. Another tenant's merchant is answered 404, like a missing one."""
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
        answers=answers or {200: Answer(description="The current state of the merchant.", body=api.MerchantShown)},
        codes=codes if method == "GET" else (*codes, *OF_WRITING),
    )


ADMIN: Final = (
    Operation(
        name="registerMerchant",
        method="POST",
        path="/admin/merchants",
        tag=_ADMIN,
        summary="Register a merchant.",
        description="Only for keys of the hub. An existing merchant with the same name and city is answered 200.",
        scope="admin",
        body=api.MerchantCreation,
        limit="creations",
        or_slash=True,
        answers={
            200: Answer(description="The merchant already exists.", body=api.MerchantShown),
            201: Answer(description="The merchant was registered.", body=api.MerchantShown),
        },
        codes=("invalid_slug", "reserved_slug", "invalid_merchant", "merchant_exists", *OF_WRITING),
    ),
    Operation(
        name="listMerchants",
        method="GET",
        path="/admin/merchants",
        tag=_ADMIN,
        summary="List the merchants of the API key, sorted by slug.",
        description="The list is a read model, which may lag a moment behind the log.",
        scope="admin",
        query=(
            Parameter(name="after", description="The page begins after this slug.", schema=TEXT),
            Parameter(
                name="limit",
                description="The maximum number of merchants.",
                schema={"type": "integer", "minimum": 1, "maximum": 1000, "default": 100},
            ),
        ),
        limit="lists",
        or_slash=True,
        answers={200: Answer(description="A page of merchants.", body=api.MerchantList)},
        codes=("invalid_limit", "invalid_slug"),
    ),
    _administration("GET", "", "showMerchant", "Show a merchant."),
    _administration(
        "PATCH",
        "",
        "renameMerchant",
        "Change a merchant's name or city.",
        body=api.MerchantNaming,
        codes=("missing_field", "invalid_merchant"),
    ),
    _administration(
        "PUT",
        "/pix-key",
        "setPixKey",
        "Set a merchant's Pix key.",
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
    _administration("DELETE", "/pix-key", "removePixKey", "Remove a merchant's Pix key."),
    _administration(
        "PUT",
        "/products/{product}",
        "priceProduct",
        "Set the price of a product.",
        body=api.PriceGiven,
        codes=("invalid_product", "too_many_products"),
    ),
    _administration(
        "DELETE",
        "/products/{product}",
        "withdrawProduct",
        "Stop selling a product.",
        description="A product that the merchant never sold is answered `unknown_product`, with the nearest name. "
        "A repetition gets the same answer.",
        codes=("unknown_product",),
    ),
    _administration(
        "PUT",
        "/providers/{provider}",
        "connectProvider",
        "Connect an account at a provider, or replace its credential.",
        description="The hub asks the provider for the account of the token, and stores the credential only after the "
        "answer. Every process uses it within five seconds. While another account is connected, the answer is 409 "
        "`another_account_connected`: disconnect that account first. `token_expires_at` belongs to the token: a "
        "replacement without it forgets the end of the token before.",
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
        "Disconnect an account, and delete its credential.",
        description="After five seconds, no process uses the credential. The monitor stops watching the account's "
        "charges.",
        codes=OF_VAULT,
    ),
    _administration(
        "PUT",
        "/providers/{provider}/webhook-secret",
        "setWebhookSecret",
        "Replace the secret that verifies a provider's webhooks.",
        description="Every process verifies webhooks with the secret within five seconds.",
        body=api.WebhookSecretGiven,
        codes=(*OF_VAULT, "invalid_credential", "provider_not_connected"),
    ),
    _administration(
        "POST",
        "/forget",
        "forgetPayer",
        "Forget a payer of the merchant.",
        description="By default the answer is the plan, and nothing happens: send `dry_run` false to forget. The hub "
        "destroys the key of each payment, so that nothing can read its personal data again, also not in backups. "
        "Payments in flight are forgotten later, when nothing needs the data; held payments are not. A repetition gets "
        "the same answer. A payment of another merchant is answered 404, like a missing one.",
        body=api.ForgettingWanted,
        answers={200: Answer(description="The plan, or the result.", body=api.Forgetting)},
        codes=(
            *OF_VAULT,
            "payer_or_payment",
            "invalid_person",
            "invalid_reason",
            "payment_not_found",
            "forgotten_list_unusable",
        ),
    ),
    _administration(
        "POST",
        "/payments/{payment_id}/hold",
        "holdPayment",
        "Hold a payment: its payer is not forgotten, and its evidence stays.",
        description="For litigation, for example. Another hold replaces the first one. After the payer was forgotten, "
        "the answer is 409 `payer_forgotten`.",
        body=api.HoldWanted,
        answers={200: Answer(description="The hold.", body=api.PaymentHold)},
        codes=("invalid_reason", "until_passed", "payer_forgotten"),
    ),
    _administration(
        "DELETE",
        "/payments/{payment_id}/hold",
        "releasePayment",
        "End the hold of a payment.",
        description="A payment without a hold gets the same answer.",
        answers={200: Answer(description="The payment is not held.", body=api.PaymentHold)},
    ),
    _administration(
        "POST",
        "/api-keys",
        "issueApiKey",
        "Issue an API key.",
        description="Only this answer shows the key. The body `{}` issues a key with the scopes of a shop's backend: "
        "payments:write, payments:read and payments:refund. A key may have any scope of a merchant, also `confirm` and "
        "`admin`; a key with `admin` can issue every other key of the merchant. A key with `listed_prices_only` orders "
        "products by name and cannot set prices; it cannot have the scope `admin`.",
        body=api.ApiKeyWanted,
        answers={201: Answer(description="The API key.", body=api.ApiKeyCreated)},
        codes=("invalid_api_key_name", "admin_sets_prices", "api_key_exists", "too_many_api_keys"),
    ),
    _administration(
        "GET",
        "/api-keys",
        "listApiKeys",
        "List the API keys, including revoked ones.",
        answers={200: Answer(description="The API keys.", body=api.ApiKeyList)},
    ),
    _administration(
        "DELETE",
        "/api-keys/{key_id}",
        "revokeApiKey",
        "Revoke an API key.",
        description="Every gateway rejects the key within a second.",
        answers={200: Answer(description="The API keys.", body=api.ApiKeyList)},
    ),
)
