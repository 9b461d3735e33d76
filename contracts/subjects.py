"""Names on the bus: streams, subjects and message headers.

Messages are CloudEvents 1.0 in binary mode: the event's JSON is the body, the attributes are `ce-` headers.
"""

from __future__ import annotations

import re
from typing import Final

PAYMENTS_STREAM: Final = "PAYMENTS"
PAYMENTS_SUBJECTS: Final = ("payments.>", "merchants.>")

# No merchant's slug begins so. A message for it is always rejected: a process finds out whether it could publish.
PROBE_SUBJECT: Final = "merchants._probe"

CHECKS_STREAM: Final = "CHECKS"
CHECKS_SUBJECTS: Final = ("checks.>", "webhooks.>")
CHECKS_MAX_AGE_S: Final = 24 * 3600

SWEEPS_STREAM: Final = "SWEEPS"
SWEEPS_SUBJECTS: Final = ("sweeps.>",)

DEAD_STREAM: Final = "DEAD"
DEAD_SUBJECTS: Final = ("dead.>",)

# Subject of ticks, in no stream. The body of a tick is the newest position of the log, as a number.
TICK_SUBJECT: Final = "log.head"

CE_SOURCE: Final = "/extrato"
CE_TYPE_PREFIX: Final = "br.extrato."

# Metadata of the stream PAYMENTS: the id of its log, the epoch of the last write, and an id of this NATS.
STREAM_LOG: Final = "extrato-log"
STREAM_EPOCH: Final = "extrato-epoch"
STREAM_BUS: Final = "extrato-bus"

HEADER_MESSAGE_ID: Final = "Nats-Msg-Id"
HEADER_SPEC_VERSION: Final = "ce-specversion"
HEADER_ID: Final = "ce-id"
HEADER_SOURCE: Final = "ce-source"
HEADER_TYPE: Final = "ce-type"
HEADER_SUBJECT: Final = "ce-subject"
HEADER_TIME: Final = "ce-time"
HEADER_CONTENT_TYPE: Final = "content-type"
HEADER_STREAM_ID: Final = "ce-streamid"
HEADER_VERSION: Final = "ce-streamversion"
HEADER_LOG: Final = "ce-log"
HEADER_EPOCH: Final = "ce-epoch"
HEADER_POSITION: Final = "ce-position"
HEADER_PREVIOUS: Final = "ce-previousposition"
HEADER_MERCHANT: Final = "ce-merchant"
HEADER_RECORDED_TIME: Final = "ce-recordedtime"
HEADER_CORRELATION_ID: Final = "ce-correlationid"
HEADER_CAUSATION_ID: Final = "ce-causationid"
HEADER_ACTOR: Final = "ce-actor"
HEADER_ACTOR_ID: Final = "ce-actorid"

# W3C Trace Context: of the span that published the message, and of the span that appended the event.
HEADER_TRACEPARENT: Final = "traceparent"
HEADER_ORIGIN: Final = "ce-traceparent"

MERCHANT_SLUG: Final = re.compile(r"[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?")


def payment_subject(merchant: str, payment_id: int, event_name: str) -> str:
    """Subject of a payment's event, such as `payments.padaria-do-marcos.15.StatusChanged`."""
    return f"payments.{merchant}.{payment_id}.{event_name}"


def merchant_subject(merchant: str, event_name: str) -> str:
    """Subject of a merchant's own event, such as `merchants.padaria-do-marcos.ProductPriced`."""
    return f"merchants.{merchant}.{event_name}"


def checks_subject(merchant: str) -> str:
    """Subject of messages about checks of a merchant's payments."""
    return f"checks.{merchant}"


# No merchant's slug begins with an underscore.
LOG_SUBJECT: Final = "checks._log"


def webhooks_subject(merchant: str) -> str:
    """Subject of messages about webhook deliveries for a merchant."""
    return f"webhooks.{merchant}"


def sweep_subject(lane: str, account: str) -> str:
    """Subject of the timer message of one account in one lane."""
    return f"sweeps.{lane}.{account}"


def dead_subject(consumer: str, subject: str) -> str:
    """Subject to which `consumer` dead-letters a message of `subject`."""
    return f"dead.{consumer}.{subject}"
