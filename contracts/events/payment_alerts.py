"""The alerts of a payment: each asks the merchant to examine something."""

from __future__ import annotations

from typing import ClassVar

from msgspec import Struct


class AlertRaised(Struct, frozen=True, kw_only=True):
    """The merchant has to examine the payment.

    `occurrence` identifies the cause: an attempt id, or an attempt id and a time. One alert is raised once for each.
    """

    schema_version: ClassVar[int] = 1

    alert: str
    occurrence: str


class AlertEnded(Struct, frozen=True, kw_only=True):
    """The cause of an alert is gone."""

    schema_version: ClassVar[int] = 1

    alert: str


class AlertResolved(Struct, frozen=True, kw_only=True):
    """The merchant has examined all occurrences of an alert so far; another one raises it again."""

    schema_version: ClassVar[int] = 1

    alert: str
    reason: str
