"""deploy/secrets.sh makes every file that the manifests name, for the owner only and never twice."""

from __future__ import annotations

import base64
import stat

import yaml

from extrato.settings import Settings
from tests.integration.deployment.conftest import DEPLOY, make_secrets


def test_every_secret_of_compose_is_made(secrets):
    compose = yaml.safe_load((DEPLOY / "compose.yaml").read_text())
    named = {each["file"].rpartition("/")[2] for each in compose["secrets"].values()}
    assert named <= {path.name for path in secrets.iterdir()}


def test_only_the_owner_enters_the_folder(secrets):
    assert stat.S_IMODE(secrets.stat().st_mode) == 0o700
    assert stat.S_IMODE((secrets / "ca.key").stat().st_mode) == 0o600


def test_a_folder_that_exists_is_left_alone(secrets):
    before = (secrets / "secret-key").read_text()
    again = make_secrets(secrets)
    assert again.returncode != 0
    assert (secrets / "secret-key").read_text() == before


def test_what_is_made_can_be_used_as_settings(secrets):
    def given(name):
        return (secrets / name).read_text().strip()

    settings = Settings.from_environment(
        {
            "EXTRATO_DATABASE_URL": given("database-url"),
            "EXTRATO_MIGRATION_DATABASE_URL": given("migration-database-url"),
            "EXTRATO_NATS_URL": given("nats-url"),
            "EXTRATO_COPIES_NATS_URL": given("copies-nats-url"),
            "EXTRATO_COPIES_CONSUMER": given("copies-consumer"),
            "EXTRATO_SECRET_KEY": given("secret-key"),
        }
    )
    assert len(base64.b64decode(settings.secret_key, validate=True)) == 32
    assert given("services-password") in settings.database_url
    assert given("owner-password") in settings.migration_database_url
