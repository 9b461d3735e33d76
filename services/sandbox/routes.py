"""All routes of the sandbox, one line each."""

from __future__ import annotations

from services.sandbox.api import (
    chargebacks,
    merchant_orders,
    methods,
    order_search,
    orders,
    payments,
    preferences,
    refunds,
    search,
    users,
)
from services.sandbox.api.middleware import OpenHandler, ProviderHandler, unknown_route
from services.sandbox.control import handlers as control
from services.sandbox.control import panel
from services.sandbox.pages import checkout, front_page, ticket

PROVIDER_ROUTES: tuple[tuple[str, str, ProviderHandler], ...] = (
    ("POST", "/checkout/preferences", preferences.create_preference),
    ("POST", "/checkout/preferences/", preferences.create_preference),
    ("GET", "/checkout/preferences/search", preferences.search_preferences),
    ("GET", "/checkout/preferences/{preference_id}", preferences.get_preference),
    ("PUT", "/checkout/preferences/{preference_id}", preferences.update_preference),
    ("PUT", "/checkout/preferences/{preference_id}/expire", preferences.expire_preference),
    ("POST", "/v1/orders", orders.create_order),
    ("GET", "/v1/orders", order_search.search_orders),
    ("GET", "/v1/orders/{order_id}", orders.get_order),
    ("POST", "/v1/orders/{order_id}/cancel", orders.cancel_order),
    ("POST", "/v1/orders/{order_id}/refund", orders.refund_order),
    ("POST", "/v1/payments", payments.create_payment),
    ("POST", "/v1/payments/", payments.create_payment),
    ("GET", "/v1/payments/search", search.search_payments),
    ("GET", "/v1/payments/{payment_id}", payments.get_payment),
    ("PUT", "/v1/payments/{payment_id}", payments.update_payment),
    ("PUT", "/v1/payments/{payment_id}/cancellations", payments.cancel_payment),
    ("POST", "/v1/payments/{payment_id}/refunds", refunds.create_refund),
    ("POST", "/v1/payments/{payment_id}/refunds/", refunds.create_refund),
    ("GET", "/v1/payments/{payment_id}/refunds", refunds.list_refunds),
    ("GET", "/v1/payments/{payment_id}/refunds/", refunds.list_refunds),
    ("GET", "/v1/payments/{payment_id}/refunds/{refund_id}", refunds.get_refund),
    ("GET", "/v1/chargebacks/search", chargebacks.search_chargebacks),
    ("GET", "/v1/chargebacks/{chargeback_id}", chargebacks.get_chargeback),
    ("GET", "/v1/payment_methods", methods.list_methods),
    ("GET", "/merchant_orders/search", merchant_orders.search_orders),
    ("GET", "/merchant_orders/{order_id}", merchant_orders.get_order),
    ("GET", "/users/me", users.show_me),
)

OPEN_ROUTES: tuple[tuple[str, str, OpenHandler], ...] = (
    ("GET", "/", front_page.show),
    ("GET", "/checkout/v1/redirect", checkout.show),
    ("POST", "/checkout/v1/redirect", checkout.decide),
    ("GET", "/checkout/v1/style.css", checkout.style),
    ("GET", "/payments/{payment_id}/ticket", ticket.show),
    ("POST", "/payments/{payment_id}/ticket", ticket.decide),
    # A health check may use any host name.
    ("GET", "/_sandbox/health", control.health),
)

CONTROL_ROUTES: tuple[tuple[str, str, OpenHandler], ...] = (
    ("POST", "/_sandbox/pay", control.pay),
    ("POST", "/_sandbox/refunds/{refund_id}", control.end_refund),
    ("POST", "/_sandbox/stale", control.make_stale),
    ("GET", "/_sandbox/money", control.money),
    ("GET", "/_sandbox/accounts/{collector_id:[0-9]{1,18}}", panel.show_account),
    ("PUT", "/_sandbox/accounts/{collector_id:[0-9]{1,18}}", panel.change_account),
    ("GET", "/_sandbox/faults", control.get_faults),
    ("PUT", "/_sandbox/faults", control.put_faults),
    ("GET", "/_sandbox/stats", control.stats),
    ("POST", "/_sandbox/reset", control.reset),
)

# The provider has many more routes; the sandbox answers them 404, as provider routes.
LAST_ROUTE: tuple[str, str, ProviderHandler] = ("*", "/{anything:.*}", unknown_route)
