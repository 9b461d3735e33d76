"""The one list of routes.

`{slash:/?}` accepts an address with and without its last slash, `{or_slash:/?}` one that is documented without it.
"""

from __future__ import annotations

from typing import Final

from services.gateway.api import (
    admin,
    admin_keys,
    admin_providers,
    cart,
    corrections,
    links,
    monitors,
    observability,
    pix,
    webhooks,
)
from services.gateway.http.door import Route
from services.gateway.http.nowhere import answer_nowhere
from services.gateway.live import socket_io, websocket
from services.gateway.pages import assets, checkout_page, pix_page, return_page

ROUTES: Final = (
    Route(
        method="POST",
        path="/payments/pix",
        handler=pix.create_pix,
        limit="creations",
        scope="payments:write",
        shape="pix",
        cross_origin=True,
    ),
    Route(
        method="GET",
        path="/payments/pix/qr_code/{file_name}",
        handler=pix.show_picture,
        limit="checks",
        scope=None,
        shape="pix",
        cross_origin=True,
    ),
    Route(
        method="POST",
        path="/payments/pix/confirmation",
        handler=pix.confirm_pix,
        scope="confirm",
        shape="pix",
    ),
    Route(
        method="GET",
        path="/payments/pix/{payment_id}{or_slash:/?}",
        handler=pix_page.show_pix,
        limit="checks",
        scope="payments:read",
        payer=True,
        shape="page",
    ),
    Route(
        method="POST",
        path="/payments/api/generate-link{slash:/?}",
        handler=links.generate_link,
        limit="creations",
        scope="payments:write",
        cross_origin=True,
    ),
    Route(
        method="GET",
        path="/payments/api/check/{payment_id}{slash:/?}",
        handler=links.check_payment,
        limit="checks",
        scope="payments:read",
        payer=True,
        cross_origin=True,
    ),
    Route(
        method="POST",
        path="/payments/api/check/{payment_id}{slash:/?}",
        handler=links.check_payment,
        limit="checks",
        scope="payments:read",
        payer=True,
        cross_origin=True,
    ),
    Route(
        method="GET",
        path="/payments/api/pending{slash:/?}",
        handler=links.list_pending,
        scope="payments:read",
        cross_origin=True,
    ),
    Route(
        method="POST",
        path="/payments/api/sync-pending{slash:/?}",
        handler=monitors.sync_pending,
        limit="checks",
        scope="payments:read",
        cross_origin=True,
    ),
    Route(
        method="POST",
        path="/payments/api/monitor/{payment_id}/start{slash:/?}",
        handler=monitors.start_monitor,
        limit="creations",
        scope="payments:write",
        cross_origin=True,
    ),
    Route(
        method="GET",
        path="/payments/api/monitors{slash:/?}",
        handler=monitors.list_monitors,
        scope="payments:read",
        cross_origin=True,
    ),
    Route(
        method="POST",
        path="/payments/api/monitors/start-all{slash:/?}",
        handler=monitors.start_all_monitors,
        limit="creations",
        scope="payments:write",
        cross_origin=True,
    ),
    Route(
        method="POST",
        path="/payments/api/cart{slash:/?}",
        handler=cart.create_cart,
        limit="creations",
        scope="payments:write",
        cross_origin=True,
    ),
    Route(
        method="POST",
        path="/payments/api/{payment_id}/cancel{slash:/?}",
        handler=corrections.cancel,
        limit="creations",
        scope="payments:write",
        cross_origin=True,
    ),
    Route(
        method="POST",
        path="/payments/api/{payment_id}/refund{slash:/?}",
        handler=corrections.refund,
        limit="creations",
        scope="payments:refund",
    ),
    Route(
        method="GET",
        path="/payments/api/{payment_id}/events{slash:/?}",
        handler=links.show_events,
        scope="payments:read",
        cross_origin=True,
    ),
    Route(
        method="GET",
        path="/payments/mp/pay/{payment_id}{slash:/?}",
        handler=checkout_page.go_to_checkout,
        limit="checks",
        scope="payments:read",
        payer=True,
        shape="page",
    ),
    Route(
        method="GET",
        path="/payments/mp/return{slash:/?}",
        handler=return_page.come_back,
        limit="checks",
        scope=None,
        shape="page",
    ),
    Route(method="GET", path="/assets/{asset}", handler=assets.show_asset, scope=None),
    Route(
        method="POST",
        path="/admin/merchants",
        handler=admin.register,
        limit="creations",
        scope="admin",
    ),
    Route(method="GET", path="/admin/merchants", handler=admin.list_merchants, scope="admin"),
    Route(method="GET", path="/admin/merchants/{merchant}", handler=admin.show, scope="admin"),
    Route(
        method="PATCH",
        path="/admin/merchants/{merchant}",
        handler=admin.rename,
        limit="creations",
        scope="admin",
    ),
    Route(
        method="PUT",
        path="/admin/merchants/{merchant}/pix-key",
        handler=admin.set_pix_key,
        limit="creations",
        scope="admin",
    ),
    Route(
        method="DELETE",
        path="/admin/merchants/{merchant}/pix-key",
        handler=admin.remove_pix_key,
        limit="creations",
        scope="admin",
    ),
    Route(
        method="PUT",
        path="/admin/merchants/{merchant}/products/{product}",
        handler=admin.price_product,
        limit="creations",
        scope="admin",
    ),
    Route(
        method="DELETE",
        path="/admin/merchants/{merchant}/products/{product}",
        handler=admin.withdraw_product,
        limit="creations",
        scope="admin",
    ),
    Route(
        method="PUT",
        path="/admin/merchants/{merchant}/providers/{provider}",
        handler=admin_providers.connect,
        limit="creations",
        scope="admin",
    ),
    Route(
        method="DELETE",
        path="/admin/merchants/{merchant}/providers/{provider}",
        handler=admin_providers.disconnect,
        limit="creations",
        scope="admin",
    ),
    Route(
        method="PUT",
        path="/admin/merchants/{merchant}/providers/{provider}/webhook-secret",
        handler=admin_providers.set_webhook_secret,
        limit="creations",
        scope="admin",
    ),
    Route(
        method="POST",
        path="/admin/merchants/{merchant}/api-keys",
        handler=admin_keys.issue,
        limit="creations",
        scope="admin",
    ),
    Route(method="GET", path="/admin/merchants/{merchant}/api-keys", handler=admin_keys.list_keys, scope="admin"),
    Route(
        method="DELETE",
        path="/admin/merchants/{merchant}/api-keys/{key_id}",
        handler=admin_keys.revoke,
        limit="creations",
        scope="admin",
    ),
    Route(
        method="POST",
        path="/webhooks/mercadopago{slash:/?}",
        handler=webhooks.receive_mercado_pago,
        scope=None,
    ),
    Route(
        method="POST",
        path="/webhooks/mercadopago/{merchant}{slash:/?}",
        handler=webhooks.receive_mercado_pago,
        scope=None,
    ),
    Route(
        method="GET",
        path="/ws",
        handler=websocket.open_socket,
        limit="checks",
        scope="payments:read",
        payer=True,
    ),
    Route(method="GET", path="/healthz", handler=observability.show_health, scope=None),
    Route(method="GET", path="/readyz", handler=observability.show_readiness, scope=None),
    Route(method="GET", path="/metrics", handler=observability.show_metrics, scope="metrics"),
    Route(method="GET", path="/openapi.json", handler=observability.show_openapi, scope=None, cross_origin=True),
)

# Engine.IO's protocol decides what its requests mean; what is told over it is in the AsyncAPI document.
SOCKET_IO: Final = Route(method="*", path="/socket.io{slash:/?}", handler=socket_io.answer, scope=None)

# Every other address, and every other method.
NOWHERE: Final = Route(method="*", path="/{anything:.*}", handler=answer_nowhere, scope=None)
