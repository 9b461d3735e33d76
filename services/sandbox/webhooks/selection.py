"""Selects the webhooks that a change of a payment causes, and their addresses.

Source: mercadopago developer docs, "Webhooks" and "IPN", and captured deliveries. A payment's own `notification_url`
has priority over the merchant's address in the panel. Webhooks of orders and chargebacks go to the panel's address
only. The payment of an order causes no payment webhook.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec
from yarl import URL

from services.sandbox.bodies.order import order_status, order_webhook_data
from services.sandbox.state.order_names import order_name
from services.sandbox.webhooks.formats import Format

if TYPE_CHECKING:
    from services.sandbox.state.records import Payment


class Webhook(msgspec.Struct, frozen=True, kw_only=True):
    """A webhook to one address; `data` is the body's `data` where that has more than the id."""

    url: str
    format: Format
    resource_id: int | str
    action: str
    data: dict[str, Any] = {}


def webhooks_for(
    payment: Payment, *, panel_url: str | None, action: str, refunded_as_processed: bool = False
) -> list[Webhook]:
    """Return the webhooks of a payment that was `created` or `updated`."""
    found = []
    if payment.online_order is not None:
        found += _of_order(payment, panel_url, refunded_as_processed=refunded_as_processed)
    elif payment.notification_url is not None:
        found += [
            _of_payment(payment, payment.notification_url, kind, action)
            for kind in wanted_formats(payment.notification_url, has_order=payment.order_id is not None)
        ]
    elif panel_url is not None:
        found.append(_of_payment(payment, panel_url, "webhook", action))
    if payment.status == "charged_back" and panel_url is not None:
        found += _of_chargeback(payment, panel_url)
    return found


def wanted_formats(notification_url: str, *, has_order: bool) -> tuple[Format, ...]:
    """Return the formats that the address selects by `source_news`; all that apply without it."""
    source_news = URL(notification_url).query.get("source_news")
    formats: tuple[Format, ...] = ("webhook", "feed_payment")
    if has_order:
        formats += ("feed_merchant_order",)
    if source_news == "webhooks":
        return ("webhook",)
    return formats[1:] if source_news == "ipn" else formats


def _of_payment(payment: Payment, url: str, kind: Format, action: str) -> Webhook:
    resource_id = payment.payment_id
    if kind == "feed_merchant_order" and payment.order_id is not None:
        resource_id = payment.order_id
    return Webhook(url=url, format=kind, resource_id=resource_id, action=action)


def _of_order(payment: Payment, panel_url: str | None, *, refunded_as_processed: bool) -> list[Webhook]:
    if panel_url is None:
        return []
    status, detail = order_status(payment, refunded_as_processed=refunded_as_processed)
    action = "refunded" if detail in {"partially_refunded", "refunded"} else status
    return [
        Webhook(
            url=panel_url,
            format="order",
            resource_id=order_name(payment),
            action=action,
            data=order_webhook_data(payment, refunded_as_processed=refunded_as_processed),
        )
    ]


def _of_chargeback(payment: Payment, panel_url: str) -> list[Webhook]:
    if payment.chargeback is None:
        return []
    case = payment.chargeback.chargeback_id
    return [
        Webhook(
            url=panel_url,
            format="chargeback",
            resource_id=case,
            action="created" if payment.status_detail == "in_process" else "changed_case_status",
            data={"id": case, "payment_id": payment.payment_id},
        )
    ]
