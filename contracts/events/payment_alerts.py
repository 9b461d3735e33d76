"""Events of alerts: situations of a payment that a person must look at."""

from __future__ import annotations

from typing import ClassVar

from msgspec import Struct


class AlertRaised(Struct, frozen=True, kw_only=True):
    """The merchant must look at the payment.

    `occurrence` identifies the cause: an attempt id, or an attempt id and a time. Each cause raises an alert once.
    """

    schema_version: ClassVar[int] = 1

    alert: str
    occurrence: str


class AlertEnded(Struct, frozen=True, kw_only=True):
    """The cause of an alert is gone."""

    schema_version: ClassVar[int] = 1

    alert: str


class AlertResolved(Struct, frozen=True, kw_only=True):
    """The merchant has resolved all occurrences of an alert so far; another one raises the alert again."""

    schema_version: ClassVar[int] = 1

    alert: str
    reason: str
