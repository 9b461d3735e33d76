"""The handler of each operation of `contracts/operations`, and two routes that are not operations."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from contracts.api import MonitoringError, PixError
from contracts.operations import OPERATIONS
from contracts.v1 import Problem
from services.gateway.api import (
    admin,
    admin_keys,
    admin_privacy,
    admin_providers,
    cart,
    corrections,
    evidence,
    links,
    monitors,
    observability,
    pix,
    socket_io,
    webhooks,
    websocket,
)
from services.gateway.conventions import Conventions
from services.gateway.http.problems import problem
from services.gateway.http.responses import ErrorFormat, monitoring_error, pix_error
from services.gateway.not_found import answer_not_found
from services.gateway.pages import assets, checkout_page, error_catalogue, logos, pix_page, return_page
from services.gateway.pages.error_page import page_error
from services.gateway.pipeline import Handler, Route
from services.gateway.v1 import alerts as v1_alerts
from services.gateway.v1 import api_keys as v1_api_keys
from services.gateway.v1 import creation as v1_creation
from services.gateway.v1 import events as v1_events
from services.gateway.v1 import merchant as v1_merchant
from services.gateway.v1 import payment_list as v1_payment_list
from services.gateway.v1 import payments as v1_payments
from services.gateway.v1 import refunds as v1_refunds
from services.gateway.v1 import statement as v1_statement

if TYPE_CHECKING:
    from msgspec import Struct

    from contracts.operations.operation import Operation

HANDLERS: Final[dict[str, Handler]] = {
    "createPayment": v1_creation.create,
    "findPayments": v1_payment_list.find,
    "readPayment": v1_payments.read_payment,
    "verifyPayment": v1_payments.verify,
    "cancelUnpaidPayment": v1_payments.cancel,
    "listPaymentEvents": v1_events.list_events,
    "createRefund": v1_refunds.create_refund,
    "listRefunds": v1_refunds.list_refunds,
    "readRefund": v1_refunds.read_refund,
    "listPaymentAlerts": v1_alerts.list_alerts,
    "resolvePaymentAlert": v1_alerts.resolve,
    "readMerchant": v1_merchant.read_merchant,
    "changeMerchant": v1_merchant.change,
    "setLogo": v1_merchant.put_logo,
    "removeLogo": v1_merchant.delete_logo,
    "listKeys": v1_api_keys.list_keys,
    "issueKey": v1_api_keys.issue,
    "revokeKey": v1_api_keys.revoke,
    "readStatement": v1_statement.read_statement,
    "createPix": pix.create_pix,
    "showPixPicture": pix.show_picture,
    "confirmPix": pix.confirm_pix,
    "returnPix": pix.return_pix,
    "createCart": cart.create_cart,
    "generateLink": links.generate_link,
    "checkPayment": links.check_payment,
    "checkPaymentByPost": links.check_payment,
    "listPayments": links.list_pending,
    "syncPending": monitors.sync_pending,
    "showEvents": links.show_events,
    "showEvidence": evidence.show_evidence,
    "startMonitor": monitors.start_monitor,
    "listMonitors": monitors.list_monitors,
    "startAllMonitors": monitors.start_all_monitors,
    "cancelPayment": corrections.cancel,
    "refundPayment": corrections.refund,
    "acceptMoney": corrections.accept,
    "resolveAlert": corrections.resolve_alert,
    "showPix": pix_page.show_pix,
    "goToCheckout": checkout_page.go_to_checkout,
    "comeBack": return_page.come_back,
    "showAsset": assets.show_asset,
    "showLogo": logos.show_logo,
    "showErrors": error_catalogue.show_errors,
    "registerMerchant": admin.register,
    "listMerchants": admin.list_merchants,
    "showMerchant": admin.show,
    "renameMerchant": admin.rename,
    "setPixKey": admin.set_pix_key,
    "removePixKey": admin.remove_pix_key,
    "priceProduct": admin.price_product,
    "withdrawProduct": admin.withdraw_product,
    "connectProvider": admin_providers.connect,
    "disconnectProvider": admin_providers.disconnect,
    "setWebhookSecret": admin_providers.set_webhook_secret,
    "forgetPayer": admin_privacy.forget,
    "holdPayment": admin_privacy.hold,
    "releasePayment": admin_privacy.release,
    "issueApiKey": admin_keys.issue,
    "listApiKeys": admin_keys.list_keys,
    "revokeApiKey": admin_keys.revoke,
    "receiveMercadoPago": webhooks.receive_mercado_pago,
    "receiveMercadoPagoFor": webhooks.receive_mercado_pago,
    "testMercadoPago": webhooks.answer_test,
    "testMercadoPagoFor": webhooks.answer_test,
    "openSocket": websocket.open_socket,
    "showHealth": observability.show_health,
    "showReadiness": observability.show_readiness,
    "showMetrics": observability.show_metrics,
    "showOpenApi": observability.show_openapi,
}

# By the body of an error; pages have none.
ERROR_FORMATS: Final[dict[type[Struct] | None, ErrorFormat]] = {
    PixError: pix_error,
    MonitoringError: monitoring_error,
    Problem: problem,
    None: page_error,
}


def route_of(operation: Operation) -> Route:
    """Return the route of an operation."""
    return Route(
        method=operation.method,
        path=operation.path,
        operation=operation.name,
        handler=HANDLERS[operation.name],
        scope=operation.scope,
        payer=operation.payer,
        errors=ERROR_FORMATS[operation.errors],
        limit=operation.limit,
        cross_origin=operation.cross_origin,
        v1=conventions_of(operation),
        takes_both=operation.or_slash or operation.path.endswith("/"),
    )


def conventions_of(operation: Operation) -> Conventions | None:
    """Return what the pipeline does for an operation of `/v1`; None for another one."""
    if not operation.is_v1:
        return None
    return Conventions(
        waits=operation.takes("Extrato-After"),
        read_model=operation.read_model,
        has_etag=operation.takes("If-None-Match"),
    )


ROUTES: Final = tuple(route_of(operation) for operation in OPERATIONS)

# The Engine.IO protocol defines these requests; the AsyncAPI document has their messages.
SOCKET_IO: Final = Route(
    method="*", path="/socket.io/", operation="socketIo", handler=socket_io.answer, scope=None, takes_both=True
)

# Every other path, and every other method.
NOT_FOUND: Final = Route(method="*", path="/{anything:.*}", handler=answer_not_found, scope=None)
