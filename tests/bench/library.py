"""Baselines: the `eventsourcing` library's own application and projection runner on PostgreSQL."""

from __future__ import annotations

import os
import sys
import time
from decimal import Decimal
from typing import TYPE_CHECKING

from eventsourcing.application import Application
from eventsourcing.dispatch import singledispatchmethod
from eventsourcing.domain import Aggregate, event
from eventsourcing.postgres import PostgresTrackingRecorder
from eventsourcing.projection import Projection, ProjectionRunner

if TYPE_CHECKING:
    from uuid import UUID

    from eventsourcing.persistence import Tracking


class Payment(Aggregate):
    @event("Opened")
    def __init__(self, amount: Decimal, description: str) -> None:
        self.amount = amount
        self.description = description
        self.status = "pending"

    @event("Approved")
    def approve(self) -> None:
        self.status = "approved"


class Payments(Application):
    def open(self) -> UUID:
        payment = Payment(amount=Decimal("35.00"), description="10x Pão Francês")
        self.save(payment)
        return payment.id


class CountingRecorder(PostgresTrackingRecorder):
    """Stores the position of each event, in one transaction for each event, as the library does."""


class Counting(Projection[CountingRecorder]):
    name = "counting"
    topics = ()

    @singledispatchmethod
    def process_event(self, _: object, tracking: Tracking) -> None:
        self.view.insert_tracking(tracking)


def main() -> None:
    what, host = sys.argv[1:]
    os.environ.update(
        PERSISTENCE_MODULE="eventsourcing.postgres",
        POSTGRES_DBNAME="extrato",
        POSTGRES_HOST=host,
        POSTGRES_PORT="5432",
        POSTGRES_USER="extrato",
        POSTGRES_PASSWORD="none",
    )
    if what == "saves":
        application = Payments()
        for _ in range(50):
            application.open()
        start = time.perf_counter()
        for _ in range(1500):
            application.open()
        print(1500 / (time.perf_counter() - start))
        application.close()
        return
    count = 3000
    with Payments() as application:
        for _ in range(count):
            application.open()
    with ProjectionRunner(application_class=Payments, projection_class=Counting, view_class=CountingRecorder) as runner:
        start = time.perf_counter()
        runner.projection.view.wait("Payments", count, timeout=120)
        print(count / (time.perf_counter() - start))


if __name__ == "__main__":
    main()
