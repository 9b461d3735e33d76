"""The one list of what the REST interface answers; `generate.py` makes the OpenAPI document of it.

A path that ends in a slash is answered without it as well.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any, Final

from msgspec import Struct

from contracts import api


class Parameter(Struct, frozen=True, kw_only=True):
    """One value in a path, a query or a header."""

    name: str
    description: str
    schema: dict[str, Any]
    is_required: bool = False


class Answer(Struct, frozen=True, kw_only=True):
    """One answer: a Struct as JSON, or anything of the media types; without a media type there is no body."""

    description: str
    body: type[Struct] | None = None
    media_types: tuple[str, ...] = ("application/json",)
    headers: tuple[str, ...] = ()


class Operation(Struct, frozen=True, kw_only=True):
    """One method of one path.

    `scope` is what an API key must allow, None is for everybody; with `payer` the token `t` of a payment is
    enough. `refusals` are statuses answered with an `errors` body; 401 and 403 follow from the scope. A page
    has no `errors` body: its `answers` are all there is. A body of `dict` is a JSON object that somebody else
    defines; one that `may_lack_body` does without it too.
    """

    name: str
    method: str
    path: str
    tag: str
    summary: str
    description: str = ""
    scope: str | None = None
    payer: bool = False
    query: tuple[Parameter, ...] = ()
    headers: tuple[Parameter, ...] = ()
    body: type[Struct] | type[dict[str, Any]] | None = None
    may_lack_body: bool = False
    answers: dict[int, Answer]
    refusals: tuple[int, ...] = ()
    errors: type[Struct] | None = api.MonitoringError


# --- what operations have in common ---------------------------------------------------------------

TEXT: Final = {"type": "string"}
POSITION: Final = {"type": "integer", "minimum": 0}

PATH_PARAMETERS: Final = {
    "alert": "The name of the alert, such as `late_payment`.",
    "asset": "The name of a file that the pages name.",
    "file_name": "The `qr_code` of a charge; with `.svg` at its end the picture is SVG, otherwise PNG.",
    "key_id": "The id of the API key, which stands in it before the secret.",
    "merchant": "The slug of the merchant.",
    "payment_id": "The number of the payment.",
    "product": "The name of the product.",
    "provider": "The name of the provider, such as `mercado_pago`.",
}

CORRELATION_ID: Final = Parameter(
    name="X-Correlation-Id",
    description="Names the request in logs and events; one is made up when it is absent or not of this form.",
    schema={"type": "string", "pattern": "^[A-Za-z0-9._:-]{1,64}$"},
)

ANSWER_HEADERS: Final[dict[str, tuple[str, dict[str, Any]]]] = {
    "Cache-Control": ("How long it may be kept: what is drawn or named by its content never changes.", TEXT),
    "ETag": ("Names the content; send it back in If-None-Match.", TEXT),
    "Location": ("Where the payer goes.", {"type": "string", "format": "uri"}),
    "Retry-After": ("Seconds after which it may go well.", {"type": "integer", "minimum": 1}),
    "WWW-Authenticate": ("Always `Bearer`.", TEXT),
    "X-Correlation-Id": ("The name of this request in logs and events.", TEXT),
}

REFUSALS: Final = {
    400: "The request is wrong; `code` says how.",
    401: "There is no API key, or it is not one of ours.",
    403: "The API key does not have the scope, or may not set a price; in open mode, the page that asks is not one of "
    "this machine.",
    404: "There is no such thing, or not for this caller.",
    408: "The body did not arrive in time: by default within ten seconds.",
    409: "The request contradicts what has happened; `code` says how.",
    413: "The body is longer than 64 KiB.",
    415: "The body is not `application/json` in UTF-8.",
    500: "The hub failed.",
    429: "This key or this address asks too often; `Retry-After` says when to come again.",
    502: "The provider refused, and the error tells its sentence, or it gave an answer that makes no sense.",
    503: "The store or the provider is away, or too much is waiting; nothing is lost by asking again.",
}

_IDEMPOTENCY_KEY: Final = Parameter(
    name="Idempotency-Key",
    description="The same request under the same key creates nothing more and gives the first answer again.",
    schema={"type": "string", "pattern": "^[!-~]{1,128}$"},
)
_IF_NONE_MATCH: Final = Parameter(name="If-None-Match", description="The ETag of what the caller has.", schema=TEXT)
_PAGE: Final = ("text/html",)
_ADMIN: Final = "Administration"
_AWAY: Final = Answer(description="The hub cannot tell at the moment.", media_types=_PAGE)
_CREATION: Final = (400, 408, 409, 413, 415, 429, 500, 502, 503)
_READING: Final = (400, 404, 429, 500, 503)
_TOO_MANY: Final = Answer(description="This address asks too often.", media_types=_PAGE)


def _check(method: str, name: str) -> Operation:
    return Operation(
        name=name,
        method=method,
        path="/payments/api/check/{payment_id}/",
        tag="Payment links",
        summary="Ask the provider, then tell how a payment stands.",
        description="When the provider does not answer, or there is none to ask, as about a Pix to the merchant's own "
        "key, what is known is told with `synced` false. "
        "A payer is not shown an e-mail address.",
        scope="payments:read",
        payer=True,
        answers={200: Answer(description="How the payment stands.", body=api.PaymentStatus)},
        refusals=_READING,
    )


def _webhook(path: str, name: str, summary: str) -> Operation:
    return Operation(
        name=name,
        method="POST",
        path=path,
        tag="Webhooks",
        summary=summary,
        description="The body is Mercado Pago's and is never believed: the delivery is stored and answered, "
        "and the provider is asked afterwards. A delivery of the Webhooks format has `data.id` in its address and must "
        "carry a valid `x-signature`, and its body must not name another type or id. One of the older IPN formats, or "
        "without `data.id`, cannot be verified, and is stored only, or forgotten where nothing says whose it is. "
        "A repeat (same type, `data.id`, `x-request-id` and time of the signature) is answered alike and not stored.",
        query=(
            Parameter(name="data.id", description="What the notification is about; it is signed.", schema=TEXT),
            Parameter(name="type", description="What kind of thing that is, such as `payment`.", schema=TEXT),
            Parameter(name="id", description="The same, in the IPN formats.", schema=TEXT),
            Parameter(name="topic", description="The kind, in the IPN formats.", schema=TEXT),
        ),
        headers=(
            Parameter(name="x-signature", description="`ts=<time>,v1=<HMAC-SHA256 in hex>`.", schema=TEXT),
            Parameter(name="x-request-id", description="Names the delivery; it is signed.", schema=TEXT),
        ),
        body=dict[str, Any],
        answers={
            200: Answer(description="The notification is taken.", body=api.WebhookAccepted),
            401: Answer(description="The signature is missing, wrong or too old.", body=api.MonitoringError),
        },
        refusals=(400, 404, 408, 413, 429, 500, 503),
    )


def _webhook_test(path: str, name: str) -> Operation:
    return Operation(
        name=name,
        method="GET",
        path=path,
        tag="Webhooks",
        summary="Answer a test of Mercado Pago's panel; it stores nothing and asks nothing.",
        answers={200: Answer(description="The address answers.", body=api.WebhookAccepted)},
        refusals=(500,),
    )


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
        body=body,
        answers=answers or {200: Answer(description="The merchant as it is.", body=api.MerchantShown)},
        refusals=tuple(sorted((*_READING, *with_body, *refusals))),
    )


# --- operations -----------------------------------------------------------------------------------

OPERATIONS: Final = (
    Operation(
        name="createPix",
        method="POST",
        path="/payments/pix",
        tag="Pix",
        summary="Create a Pix charge to the merchant's own key.",
        description="The caller chooses the amount, so that a key with `listed_prices_only` is refused with 403 and "
        "that code.",
        scope="payments:write",
        headers=(_IDEMPOTENCY_KEY,),
        body=api.PixCreation,
        answers={
            201: Answer(
                description="The charge can be paid at `Location`.",
                body=api.PixCreated,
                headers=("Location",),
            )
        },
        refusals=_CREATION,
        errors=api.PixError,
    ),
    Operation(
        name="showPixPicture",
        method="GET",
        path="/payments/pix/qr_code/{file_name}",
        tag="Pix",
        summary="Show the QR code of a charge.",
        description="While money of the payment is held there is none: 409 and the code `payment_holds_money`.",
        headers=(_IF_NONE_MATCH,),
        answers={
            200: Answer(
                description="The picture.",
                media_types=("image/png", "image/svg+xml"),
                headers=("Cache-Control", "ETag"),
            ),
            304: Answer(description="The caller has the picture.", media_types=(), headers=("Cache-Control", "ETag")),
        },
        refusals=(404, 409, 429, 500, 503),
        errors=api.PixError,
    ),
    Operation(
        name="confirmPix",
        method="POST",
        path="/payments/pix/confirmation",
        tag="Pix",
        summary="Tell that the bank received a Pix.",
        description="Repeating a confirmation is harmless. Another transfer for a charge that is paid, by its "
        "`end_to_end_id`, is recorded as a second payment. Another value than the charge's is answered with 400 and "
        "the code `wrong_amount`, and the timeline shows the first ten of a payment; with its `end_to_end_id` the "
        "money is held, and several that add up to the value pay the charge. Money that was paid after the end of a "
        "charge is held until it is accepted or given back, and answered with 409 and the code `late_payment`; without "
        "`paid_at` the confirmation may come until two minutes after the end, by default. Money that was paid in time "
        "is taken, also when the merchant closed the charge meanwhile; then the payment has the alert `late_payment`.",
        scope="confirm",
        body=api.PixConfirmation,
        answers={200: Answer(description="The charge is paid.", body=api.PixConfirmed)},
        refusals=(400, 404, 408, 409, 413, 415, 429, 500, 503),
        errors=api.PixError,
    ),
    Operation(
        name="returnPix",
        method="POST",
        path="/payments/pix/{payment_id}/returned",
        tag="Pix",
        summary="Tell that the bank gave a Pix back to its payer.",
        description="Told again under one `return_id` it is recorded once. More than is held of the transfer is "
        "answered with 409 and the code `return_exceeds_held`; where the money of two transfers is held, one without "
        "`end_to_end_id` with 400 and `choose_transfer`.",
        scope="confirm",
        body=api.PixReturn,
        answers={200: Answer(description="The return is recorded.", body=api.PixReturned)},
        refusals=(400, 404, 408, 409, 413, 415, 429, 500, 503),
        errors=api.PixError,
    ),
    Operation(
        name="showPix",
        method="GET",
        path="/payments/pix/{payment_id}",
        tag="Pages",
        summary="Show a payer the code to scan or paste.",
        scope="payments:read",
        payer=True,
        answers={
            200: Answer(description="The code, or that it is paid or being looked into.", media_types=_PAGE),
            404: Answer(description="There is no such charge, or not for this caller.", media_types=_PAGE),
            410: Answer(description="The charge can be paid no more.", media_types=_PAGE),
            429: _TOO_MANY,
            503: _AWAY,
        },
        errors=None,
    ),
    Operation(
        name="generateLink",
        method="POST",
        path="/payments/api/generate-link/",
        tag="Payment links",
        summary="Create a Checkout Pro link for an order.",
        description="To a key with `listed_prices_only` a line with `preco_unitario` is refused with 403 and that "
        "code.",
        scope="payments:write",
        headers=(_IDEMPOTENCY_KEY,),
        body=api.LinkCreation,
        answers={200: Answer(description="The link can be handed to a payer.", body=api.LinkCreated)},
        refusals=_CREATION,
    ),
    _check("GET", "checkPayment"),
    _check("POST", "checkPaymentByPost"),
    Operation(
        name="listPayments",
        method="GET",
        path="/payments/api/pending/",
        tag="Payment links",
        summary="List a merchant's payments of one status, the newest first.",
        scope="payments:read",
        query=(
            Parameter(name="padaria_slug", description="The merchant's slug.", schema=TEXT, is_required=True),
            Parameter(
                name="status",
                description="A status, or `all`; capitals do not matter.",
                schema={"type": "string", "pattern": "^[A-Za-z_]{1,40}$", "default": "pending"},
            ),
            Parameter(
                name="limit",
                description="How many payments at most.",
                schema={"type": "integer", "minimum": 1, "maximum": 1000, "default": 50},
            ),
        ),
        answers={200: Answer(description="The payments.", body=api.PaymentList)},
        refusals=(400, 429, 500, 503),
    ),
    Operation(
        name="syncPending",
        method="POST",
        path="/payments/api/sync-pending/",
        tag="Payment links",
        summary="Ask the provider about every open payment of a merchant.",
        description="What has no provider to ask is not counted, such as a Pix to the merchant's own key; what is "
        "`in_process` or was `rejected` is. A merchant without Mercado Pago is answered `provider_not_connected`.",
        scope="payments:read",
        body=api.PadariaNamed,
        answers={200: Answer(description="What it brought.", body=api.Synced)},
        refusals=(400, 408, 413, 415, 429, 500, 503),
    ),
    Operation(
        name="startMonitor",
        method="POST",
        path="/payments/api/monitor/{payment_id}/start/",
        tag="Monitoring",
        summary="Watch a payment for the next ten minutes; one that is watched goes on.",
        scope="payments:write",
        answers={200: Answer(description="Whether it is being watched.", body=api.MonitorStarted)},
        refusals=_READING,
    ),
    Operation(
        name="listMonitors",
        method="GET",
        path="/payments/api/monitors/",
        tag="Monitoring",
        summary="List the payments that are being watched.",
        scope="payments:read",
        query=(Parameter(name="padaria_slug", description="Those of one merchant.", schema=TEXT),),
        answers={200: Answer(description="Their numbers.", body=api.MonitorList)},
        refusals=(400, 429, 500, 503),
    ),
    Operation(
        name="startAllMonitors",
        method="POST",
        path="/payments/api/monitors/start-all/",
        tag="Monitoring",
        summary="Watch every open payment of a merchant.",
        description="A merchant without Mercado Pago is answered `provider_not_connected`.",
        scope="payments:write",
        body=api.PadariaNamed,
        answers={200: Answer(description="How many watches were started.", body=api.MonitorsStarted)},
        refusals=(400, 408, 413, 415, 429, 500, 503),
    ),
    Operation(
        name="createCart",
        method="POST",
        path="/payments/api/cart/",
        tag="Pix",
        summary="Create a Pix through Mercado Pago for an order.",
        description="Mercado Pago holds the charge and tells of its payment. What is said of the customer beyond the "
        "e-mail address is told to Mercado Pago and kept, encrypted, only until it has answered. To a key with "
        "`listed_prices_only` a line with `preco_unitario` is refused with 403 and that code.",
        scope="payments:write",
        headers=(_IDEMPOTENCY_KEY,),
        body=api.CartCreation,
        answers={201: Answer(description="The Pix can be paid.", body=api.CartCreated)},
        refusals=_CREATION,
    ),
    Operation(
        name="cancelPayment",
        method="POST",
        path="/payments/api/{payment_id}/cancel/",
        tag="Corrections",
        summary="Close a payment that was not paid.",
        description="One that is over already stays as it is. One that was paid is answered with 409 and the code "
        "`payment_already_paid`: refund it. One that holds a part of its amount, or money in another currency, with "
        "409 and `payment_holds_money`: give that back or accept it.",
        scope="payments:write",
        answers={
            200: Answer(description="The payment is closed.", body=api.PaymentCancelled),
            202: Answer(
                description="The wish is recorded; the provider does not answer yet.", body=api.PaymentCancelled
            ),
        },
        refusals=(400, 404, 409, 429, 500, 502, 503),
    ),
    Operation(
        name="refundPayment",
        method="POST",
        path="/payments/api/{payment_id}/refund/",
        tag="Corrections",
        summary="Give money back, all that is held or a part.",
        description="Under one Idempotency-Key the money is given back once. Where several attempts hold money, an "
        "amount without `mp_payment_id` is answered with 400 and the code `choose_attempt`. While the provider is "
        "still making a refund, another one of the same amount is answered with 409 and `refund_in_progress`. When the "
        "provider refused all of it, that is 502. A Pix to the merchant's own key is given back at its bank. Pages of "
        "other origins cannot ask for it.",
        scope="payments:refund",
        headers=(_IDEMPOTENCY_KEY,),
        body=api.RefundRequest,
        answers={
            200: Answer(description="The provider made a refund.", body=api.Refunded),
            202: Answer(description="The wish is recorded; the provider has not made a refund yet.", body=api.Refunded),
        },
        refusals=(400, 404, 408, 409, 413, 415, 429, 500, 502, 503),
    ),
    Operation(
        name="acceptMoney",
        method="POST",
        path="/payments/api/{payment_id}/accept/",
        tag="Corrections",
        summary="Take late or short money as the payment.",
        description="The payment is approved with what is held of it. Asked again it answers the same; without money "
        "that is held it is 409 and the code `nothing_to_accept`. Pages of other origins cannot ask for it.",
        scope="payments:refund",
        answers={200: Answer(description="The money is taken.", body=api.MoneyTaken)},
        refusals=(400, 404, 409, 429, 500, 503),
    ),
    Operation(
        name="resolveAlert",
        method="POST",
        path="/payments/api/{payment_id}/alerts/{alert}/resolve/",
        tag="Corrections",
        summary="Close an alert, with what was done about it.",
        description="It closes every occurrence so far; another one raises the alert again. Asked again it answers the "
        "same; an alert that the payment never had is 404. Pages of other origins cannot ask for it.",
        scope="payments:refund",
        body=api.AlertReason,
        answers={200: Answer(description="The alert is closed.", body=api.AlertClosed)},
        refusals=(400, 404, 408, 409, 413, 415, 429, 500, 503),
    ),
    Operation(
        name="showEvents",
        method="GET",
        path="/payments/api/{payment_id}/events/",
        tag="Payment links",
        summary="Tell everything that happened to a payment, in order.",
        scope="payments:read",
        answers={200: Answer(description="The events.", body=api.Timeline)},
        refusals=_READING,
    ),
    Operation(
        name="goToCheckout",
        method="GET",
        path="/payments/mp/pay/{payment_id}/",
        tag="Pages",
        summary="Send a payer to the provider's checkout, unless the payment is paid or over.",
        scope="payments:read",
        payer=True,
        answers={
            200: Answer(description="The payment is paid already, or being looked into.", media_types=_PAGE),
            302: Answer(description="To the checkout.", media_types=(), headers=("Location",)),
            404: Answer(description="There is no such payment, or not for this caller.", media_types=_PAGE),
            410: Answer(description="The link can be paid no more.", media_types=_PAGE),
            429: _TOO_MANY,
            503: _AWAY,
        },
        errors=None,
    ),
    Operation(
        name="comeBack",
        method="GET",
        path="/payments/mp/return/",
        tag="Pages",
        summary="Receive a payer who comes back from the provider's checkout.",
        description="The provider is asked; what the address says about the payment is never believed. Without an "
        "`external_reference` of ours, `payment_id` is the hub's own number and `t` the payer's token.",
        query=(
            Parameter(name="external_reference", description="Which payment it is about.", schema=TEXT),
            Parameter(name="payment_id", description="The attempt to pay, by the provider's id of it.", schema=TEXT),
            Parameter(name="t", description="The payer's token.", schema=TEXT),
        ),
        answers={
            200: Answer(description="How the payment stands.", media_types=_PAGE),
            404: Answer(description="There is no such payment.", media_types=_PAGE),
            429: _TOO_MANY,
            503: _AWAY,
        },
        errors=None,
    ),
    Operation(
        name="showAsset",
        method="GET",
        path="/assets/{asset}",
        tag="Pages",
        summary="Show a file of the pages.",
        query=(Parameter(name="v", description="The digest under which it may be kept for ever.", schema=TEXT),),
        headers=(_IF_NONE_MATCH,),
        answers={
            200: Answer(
                description="The stylesheet, a script or the icon.",
                media_types=("text/css", "text/javascript", "image/svg+xml"),
                headers=("Cache-Control", "ETag"),
            ),
            304: Answer(description="The caller has the file.", media_types=(), headers=("Cache-Control", "ETag")),
        },
        refusals=(404, 500),
    ),
    Operation(
        name="registerMerchant",
        method="POST",
        path="/admin/merchants",
        tag=_ADMIN,
        summary="Register a merchant.",
        description="For keys of the hub only. One that exists just so is given again, with status 200.",
        scope="admin",
        body=api.MerchantCreation,
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
        answers={200: Answer(description="Some merchants.", body=api.MerchantList)},
        refusals=(400, 429, 500, 503),
    ),
    _administration("GET", "", "showMerchant", "Show a merchant as it is now."),
    _administration("PATCH", "", "renameMerchant", "Give a merchant another name or city.", body=api.MerchantNaming),
    _administration("PUT", "/pix-key", "setPixKey", "Say where a merchant receives Pix.", body=api.PixKeyGiven),
    _administration("DELETE", "/pix-key", "removePixKey", "Have a merchant receive no Pix to a key of its own."),
    _administration("PUT", "/products/{product}", "priceProduct", "Sell a product at a price.", body=api.PriceGiven),
    _administration("DELETE", "/products/{product}", "withdrawProduct", "Sell a product no more."),
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
    _webhook(
        "/webhooks/mercadopago/",
        "receiveMercadoPago",
        "Take a notification for whichever merchant its `user_id` and signature name.",
    ),
    _webhook("/webhooks/mercadopago/{merchant}/", "receiveMercadoPagoFor", "Take a notification for a merchant."),
    _webhook_test("/webhooks/mercadopago/", "testMercadoPago"),
    _webhook_test("/webhooks/mercadopago/{merchant}/", "testMercadoPagoFor"),
    Operation(
        name="openSocket",
        method="GET",
        path="/ws",
        tag="Events",
        summary="Listen to a payment or a merchant over a WebSocket.",
        description="Name a payment or a merchant, and only one. A payer's token opens the socket of its payment, "
        "which tells how the status changes and nothing else. The AsyncAPI document describes the frames.",
        scope="payments:read",
        payer=True,
        query=(
            Parameter(name="payment_id", description="Listen to one payment.", schema={"type": "integer"}),
            Parameter(name="padaria_slug", description="Listen to a merchant.", schema=TEXT),
            Parameter(
                name="after",
                description="Resume after this position of the log instead of with a snapshot; with a payer's token "
                "after this version of the payment.",
                schema=POSITION,
            ),
            Parameter(
                name="epoch",
                description="The epoch that `after` is of; in another one the socket begins with a snapshot, "
                "whose reason is `log_restored`.",
                schema=POSITION,
            ),
        ),
        answers={101: Answer(description="Frames follow.", media_types=())},
        refusals=_READING,
    ),
    Operation(
        name="showHealth",
        method="GET",
        path="/healthz",
        tag="Service",
        summary="Say that the process answers.",
        answers={200: Answer(description="It does.", body=api.Health)},
    ),
    Operation(
        name="showReadiness",
        method="GET",
        path="/readyz",
        tag="Service",
        summary="Say whether the gateway can do its work.",
        description="It writes to PostgreSQL and asks NATS, once a second however many ask this, and answers within "
        "two seconds also when neither does. Without NATS it is `degraded`: payments are created and confirmed, and "
        "lists and subscribers fall behind.",
        answers={
            200: Answer(description="It is `ok` or `degraded`.", body=api.Readiness),
            503: Answer(description="It is `unavailable`: PostgreSQL takes no writes.", body=api.Readiness),
        },
    ),
    Operation(
        name="showMetrics",
        method="GET",
        path="/metrics",
        tag="Service",
        summary="Show the metrics for Prometheus.",
        description="They count the payments of all merchants, so only a key of the hub itself can have this scope.",
        scope="metrics",
        answers={200: Answer(description="Prometheus's text format.", media_types=("text/plain",))},
        refusals=(429,),
    ),
    Operation(
        name="showOpenApi",
        method="GET",
        path="/openapi.json",
        tag="Service",
        summary="Show this document.",
        answers={200: Answer(description="OpenAPI 3.1.")},
    ),
)

# --- one example of the main bodies, all about the same two payments ------------------------------

_BANK_PAYMENT_ID: Final = "00000000-000f-8000-8000-0123456789ab"
_CHECKOUT: Final = "https://www.mercadopago.com.br/checkout/v1/redirect?pref_id=174087000-5b1d0a9e"
_TOKEN: Final = "t=5d41402abc4b2a76b9719d911017c592"  # noqa: S105 - it opens nothing
_PAYLOAD: Final = (
    "00020126710014br.gov.bcb.pix0136123e4567-e12b-12d1-a456-4266554400000209Pedido 15"
    "520400005303986540535.005802BR5917Padaria do Marcos6009Sao Paulo"
    "6229052500000000000F80008000012346304CB80"
)
_LISTED: Final = api.ListedPayment(
    payment_id=16,
    mp_payment_id="143845679916",
    preference_id="174087000-5b1d0a9e",
    status="approved",
    status_label="Aprovado",
    amount=35.0,
    description="10x Pão Francês, 1x Bolo de Chocolate",
    checkout_url=_CHECKOUT,
    payer_email="cliente@example.com",
    paid_at="2026-01-12T10:30:00.000000-03:00",
    created_at="2026-01-12T10:00:00.000000-03:00",
    alerts=[],
)

_EXAMPLES: Final = (
    api.PixCreation(value=35.0, padaria_slug="padaria-do-marcos", description="Pedido 15"),
    api.PixCreated(
        message="The payment has been created.",
        payment=api.PixPayment(
            id=15,
            value=35.0,
            status="pending",
            expiration_date="2026-01-12T10:30:00.000000-03:00",
            bank_payment_id=_BANK_PAYMENT_ID,
            qr_code=f"qr_code_payment_{_BANK_PAYMENT_ID}",
            qr_code_url=f"http://localhost:8000/payments/pix/qr_code/qr_code_payment_{_BANK_PAYMENT_ID}",
            payload=_PAYLOAD,
            payment_url=f"http://localhost:8000/payments/pix/15?{_TOKEN}",
            padaria_slug="padaria-do-marcos",
            description="Pedido 15",
            created_at="2026-01-12T10:00:00.000000-03:00",
        ),
        payload=_PAYLOAD,
        payment_url=f"http://localhost:8000/payments/pix/15?{_TOKEN}",
    ),
    api.PixConfirmation(bank_payment_id=_BANK_PAYMENT_ID, value=35.0),
    api.PixConfirmed(message="The payment has been confirmed."),
    api.PixError(message="The value is not the charge's; the payment was not confirmed.", code="wrong_amount"),
    api.LinkCreation(
        padaria_slug="padaria-do-marcos",
        items=[
            api.LinkItem(nome="Pão Francês", quantidade=10),
            api.LinkItem(nome="Bolo de Chocolate", quantidade=1, preco_unitario=30.0),
        ],
        payer_email="cliente@example.com",
    ),
    api.LinkCreated(
        success=True,
        payment_id=16,
        preference_id="174087000-5b1d0a9e",
        checkout_url=_CHECKOUT,
        secure_checkout_url=f"http://localhost:8000/payments/mp/pay/16/?{_TOKEN}",
        status_check_url=f"http://localhost:8000/payments/api/check/16/?{_TOKEN}",
        sandbox_url=None,
        title="Pedido Padaria do Marcos",
        total=35.0,
        items=[
            api.PricedItem(nome="Pão Francês", quantidade=10, preco_unitario=0.5, subtotal=5.0),
            api.PricedItem(nome="Bolo de Chocolate", quantidade=1, preco_unitario=30.0, subtotal=30.0),
        ],
        description="10x Pão Francês, 1x Bolo de Chocolate",
        status="pending",
        external_reference="extrato_16_0123456789ab",
        created_at="2026-01-12T10:00:00.000000-03:00",
    ),
    api.PaymentStatus(
        success=True,
        payment_id=16,
        mp_payment_id="143845679916",
        preference_id="174087000-5b1d0a9e",
        external_reference="extrato_16_0123456789ab",
        status="approved",
        status_detail="accredited",
        status_label="Aprovado",
        amount=35.0,
        description="10x Pão Francês, 1x Bolo de Chocolate",
        checkout_url=_CHECKOUT,
        padaria_name="Padaria do Marcos",
        payer_email="cliente@example.com",
        paid_at="2026-01-12T10:30:00.000000-03:00",
        created_at="2026-01-12T10:00:00.000000-03:00",
        updated_at="2026-01-12T10:30:05.000000-03:00",
        synced=True,
        synced_at="2026-01-12T10:30:10.000000-03:00",
        status_changed=True,
        held_amount=35.0,
        refunded_amount=0.0,
        disputed_amount=0.0,
        attempts=[
            api.PaidAttempt(
                mp_payment_id="143845679916",
                status="approved",
                status_detail="accredited",
                amount=35.0,
                held_amount=35.0,
                refunded_amount=0.0,
                currency="BRL",
            )
        ],
        alerts=[],
    ),
    api.PaymentList(success=True, padaria="Padaria do Marcos", count=1, status_filter="approved", payments=[_LISTED]),
    api.Timeline(
        success=True,
        payment_id=16,
        count=1,
        events=[
            api.TimelineItem(
                position=4711,
                version=5,
                type="StatusChanged",
                time=datetime(2026, 1, 12, 13, 30, tzinfo=UTC),
                recorded_at=datetime(2026, 1, 12, 13, 30, 5, tzinfo=UTC),
                event_id="3f1c3b52-6a5f-4f0c-9d5a-1c2b3a4d5e6f",
                source="webhook",
                source_id="0b7c6f0e-2f4b-4a53-8d0e-6a1f2b3c4d5e",
                correlation_id="9f86d081884c7d659a2feaa0c55ad015",
                causation_id="0b7c6f0e-2f4b-4a53-8d0e-6a1f2b3c4d5e",
                data={
                    "previous": "pending",
                    "status": "approved",
                    "status_detail": "accredited",
                    "attempt_id": "143845679916",
                    "paid_at": "2026-01-12T13:30:00Z",
                },
            )
        ],
    ),
    api.MonitoringError(success=False, error="Pagamento 17 não encontrado", code="payment_not_found"),
    api.WebhookAccepted(success=True),
    api.Health(status="ok", checks={}),
    api.Readiness(
        status="degraded",
        checks={
            "database": api.ReadinessCheck(status="ok", reason=None),
            "bus": api.ReadinessCheck(status="unavailable", reason="NATS is not connected."),
        },
    ),
)

EXAMPLES: Final[dict[type[Struct], Struct]] = {type(example): example for example in _EXAMPLES}
