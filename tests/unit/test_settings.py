"""How long the hub waits is a setting: what it is by itself, and what is refused."""

from __future__ import annotations

import pytest

from extrato.settings import InvalidSettings, Patience, Settings

VARIABLES = (
    "EXTRATO_HEAD_TIMEOUT_S",
    "EXTRATO_BODY_TIMEOUT_S",
    "EXTRATO_SOCKET_TIMEOUT_S",
    "EXTRATO_CHECK_AGAIN_AFTER_S",
    "EXTRATO_RESUME_AFTER_S",
    "EXTRATO_CONFIRMATION_GRACE_S",
)


def test_the_defaults_are_those_of_the_readme():
    expected = Patience(head_s=10, body_s=10, socket_s=5, fresh_s=3, resume_s=10, grace_s=120)
    assert Settings.from_environment({}).patience == expected
    assert Settings.from_environment(dict.fromkeys(VARIABLES, " ")).patience == expected


def test_each_time_has_a_setting_of_its_own():
    told = {name: str(number) for number, name in enumerate(VARIABLES, start=1)}
    expected = Patience(head_s=1, body_s=2, socket_s=3, fresh_s=4, resume_s=5, grace_s=6)
    assert Settings.from_environment(told).patience == expected


@pytest.mark.parametrize("name", VARIABLES)
@pytest.mark.parametrize("text", ["0", "-1", "3600.1", "inf", "nan", "soon"])
def test_a_time_that_is_no_number_of_seconds_is_refused(name, text):
    with pytest.raises(InvalidSettings, match=name):
        Settings.from_environment({name: text})


def test_an_address_holds_a_thousand_connections_unless_it_is_told_otherwise():
    name = "EXTRATO_CONNECTIONS_PER_ADDRESS"
    assert Settings.from_environment({}).connections_per_address == 1000
    assert Settings.from_environment({name: "7"}).connections_per_address == 7
    for text in ("0", "-1", "many", "1.5"):
        with pytest.raises(InvalidSettings, match=name):
            Settings.from_environment({name: text})


def test_migrations_alone_have_no_database():
    with pytest.raises(InvalidSettings, match="EXTRATO_MIGRATION_DATABASE_URL needs EXTRATO_DATABASE_URL"):
        Settings.from_environment({"EXTRATO_MIGRATION_DATABASE_URL": "postgresql://owner@db.example/extrato"})
