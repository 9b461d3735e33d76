"""Objects with secrets do not show them in a log, an error or a terminal."""

from __future__ import annotations

from pathlib import Path

import pytest

from extrato.settings import Settings
from services.cli.supervisor.child import Program
from services.cli.supervisor.programs import services
from services.gateway.authentication import Credentials

GIVEN = {
    "EXTRATO_HOME": "/home/of/the/hub",
    "EXTRATO_SECRET_KEY": "s3cret-key",
    "EXTRATO_NEW_SECRET_KEY": "s3cret-new-key",
    "EXTRATO_DATABASE_URL": "postgresql://extrato:s3cret-password@db.example/extrato",
    "EXTRATO_MIGRATION_DATABASE_URL": "postgresql://owner:s3cret-password-of-migrations@db.example/extrato",
    "EXTRATO_NATS_URL": "nats://extrato:s3cret-password@nats.example",
    "EXTRATO_COPIES_NATS_URL": "nats://copier:s3cret-of-copies@nats.example",
    "EXTRATO_COPIES_CONSUMER": "subscribers-copy-s3cret",
    "EXTRATO_SANDBOX_ACCOUNTS": "[]",
    "PGPASSWORD": "s3cret-password",
    "AWS_SECRET_ACCESS_KEY": "s3cret-of-another-program",
    "PATH": "/usr/bin",
    "PYTHONUNBUFFERED": "1",
}
SETTINGS = Settings.from_environment(GIVEN)


async def always(_pid):
    return True


@pytest.mark.parametrize(
    "holder",
    [
        SETTINGS,
        Credentials(api_key="s3cret-key", payment_id="15", token="s3cret-token"),
        Program(name="gateway", command=("x",), log=Path("x"), is_ready=always, environment=GIVEN),
    ],
    ids=lambda holder: type(holder).__name__,
)
def test_objects_with_secrets_do_not_show_them(holder):
    assert "s3cret" not in f"{holder!r} {holder} {[holder]}"


def test_other_values_are_still_shown():
    assert "/home/of/the/hub" in repr(SETTINGS)
    assert "15" in repr(Credentials(api_key=None, payment_id="15", token=""))


def test_sandbox_gets_no_secret_of_the_hub():
    (sandbox,) = [program for program in services(SETTINGS, GIVEN) if program.name == "sandbox"]
    assert "s3cret" not in "".join(sandbox.environment.values())
    assert sandbox.environment["EXTRATO_SANDBOX_ACCOUNTS"] == "[]"
    assert {"PATH", "PYTHONUNBUFFERED", "PYTHONPATH", "EXTRATO_SANDBOX_DATA"} <= sandbox.environment.keys()


@pytest.mark.parametrize("name", ["gateway", "monitor", "projections"])
def test_programs_of_the_hub_get_every_address(name):
    (program,) = [program for program in services(SETTINGS, GIVEN) if program.name == name]
    assert program.environment["EXTRATO_SECRET_KEY"] == GIVEN["EXTRATO_SECRET_KEY"]
    assert program.environment["EXTRATO_NATS_URL"] == GIVEN["EXTRATO_NATS_URL"]


def test_only_the_projections_get_the_secrets_of_the_copies():
    for program in services(SETTINGS, GIVEN):
        values = "".join(program.environment.values())
        assert ("s3cret-of-copies" in values) == ("subscribers-copy-" in values) == (program.name == "projections")


def test_no_program_gets_the_role_of_the_migrations():
    for program in services(SETTINGS, GIVEN):
        assert "s3cret-password-of-migrations" not in "".join(program.environment.values())
