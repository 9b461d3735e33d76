"""Settings: defaults, error sentences, and their completeness in the reference."""

from __future__ import annotations

import re
from pathlib import Path

import msgspec
import pytest

from extrato.secret_files import CREDENTIALS, file_variable
from extrato.settings import VARIABLES, InvalidSettings, Keep, Settings, Timeouts

REFERENCE = Path(__file__).parents[2] / "docs" / "reference" / "settings.md"

TIMES = (
    "EXTRATO_HEAD_TIMEOUT_S",
    "EXTRATO_BODY_TIMEOUT_S",
    "EXTRATO_SOCKET_TIMEOUT_S",
    "EXTRATO_CHECK_AGAIN_AFTER_S",
    "EXTRATO_RESUME_AFTER_S",
    "EXTRATO_CONFIRMATION_GRACE_S",
)


def test_defaults_equal_the_reference():
    expected = Timeouts(head_s=10, body_s=10, socket_s=5, fresh_s=3, resume_s=10, grace_s=120)
    assert Settings.from_environment({}).timeouts == expected
    assert Settings.from_environment(dict.fromkeys(TIMES, " ")).timeouts == expected


def test_each_timeout_has_its_setting():
    given = {name: str(number) for number, name in enumerate(TIMES, start=1)}
    expected = Timeouts(head_s=1, body_s=2, socket_s=3, fresh_s=4, resume_s=5, grace_s=6)
    assert Settings.from_environment(given).timeouts == expected


@pytest.mark.parametrize("name", TIMES)
@pytest.mark.parametrize("text", ["0", "-1", "3600.1", "inf", "nan", "soon"])
def test_timeout_must_be_a_number_of_seconds(name, text):
    with pytest.raises(InvalidSettings, match=name):
        Settings.from_environment({name: text})


def test_connections_per_address_default_to_a_thousand():
    name = "EXTRATO_CONNECTIONS_PER_ADDRESS"
    assert Settings.from_environment({}).connections_per_address == 1000
    assert Settings.from_environment({name: "7"}).connections_per_address == 7
    for text in ("0", "-1", "many", "1.5"):
        with pytest.raises(InvalidSettings, match=name):
            Settings.from_environment({name: text})


KEPT = {
    "EXTRATO_KEEP_EVIDENCE_DAYS": (365, 4400),
    "EXTRATO_KEEP_DELIVERIES_DAYS": (7, 4400),
    "EXTRATO_KEEP_UNVERIFIED_DAYS": (1, 30),
    "EXTRATO_KEEP_PAYER_DAYS": (1, 30),
}


def test_retention_has_its_settings():
    expected = Keep(evidence_days=400, deliveries_days=90, unverified_days=7, payer_days=1)
    assert Settings.from_environment({}).keep == expected
    given = {name: str(longest) for name, (_, longest) in KEPT.items()}
    expected = Keep(evidence_days=4400, deliveries_days=4400, unverified_days=30, payer_days=30)
    assert Settings.from_environment(given).keep == expected


@pytest.mark.parametrize(("name", "bounds"), KEPT.items())
def test_retention_is_not_shorter_than_refunds_and_disputes_need(name, bounds):
    shortest, longest = bounds
    assert Settings.from_environment({name: str(shortest)})
    for days in (shortest - 1, longest + 1, "1.5", "forever"):
        with pytest.raises(
            InvalidSettings, match=f"{name} must be a whole number of days from {shortest} to {longest}"
        ):
            Settings.from_environment({name: str(days)})


COPIES = {
    "EXTRATO_COPIES_NATS_URL": "nats://copier:s3cret@nats.example",
    "EXTRATO_COPIES_CONSUMER": "subscribers-copy-1f",
}


@pytest.mark.parametrize("name", COPIES)
def test_copies_need_both_settings(name):
    with pytest.raises(InvalidSettings, match="need each other"):
        Settings.from_environment({name: COPIES[name], "EXTRATO_NATS_URL": "nats://nats.example"})


def test_copies_need_a_nats_of_the_operator():
    with pytest.raises(InvalidSettings, match="EXTRATO_COPIES_NATS_URL needs EXTRATO_NATS_URL"):
        Settings.from_environment(COPIES)


def test_migration_url_needs_a_database_url():
    with pytest.raises(InvalidSettings, match="EXTRATO_MIGRATION_DATABASE_URL needs EXTRATO_DATABASE_URL"):
        Settings.from_environment({"EXTRATO_MIGRATION_DATABASE_URL": "postgresql://owner@db.example/extrato"})


SENTENCES = {
    ("EXTRATO_PORT", "eight"): "EXTRATO_PORT must be a port number from 1 to 65535, not 'eight'.",
    ("EXTRATO_PORT", "65536"): "EXTRATO_PORT must be a port number from 1 to 65535, not '65536'.",
    ("EXTRATO_SANDBOX_PORT", "0"): "EXTRATO_SANDBOX_PORT must be a port number from 1 to 65535, not '0'.",
    ("EXTRATO_CHECKS_PER_MINUTE", "10000001"): (
        "EXTRATO_CHECKS_PER_MINUTE must be a whole number from 1 to 10000000, not '10000001'."
    ),
    ("EXTRATO_LISTS_PER_MINUTE", "9" * 50): (
        f"EXTRATO_LISTS_PER_MINUTE must be a whole number from 1 to 10000000, not '{'9' * 40}'."
    ),
    ("EXTRATO_BODY_TIMEOUT_S", "soon"): (
        "EXTRATO_BODY_TIMEOUT_S must be a number of seconds above 0, at most 3600, not 'soon'."
    ),
    ("EXTRATO_DRAIN_S", "-1"): "EXTRATO_DRAIN_S must be a number of seconds from 0 to 600, not '-1'.",
    ("EXTRATO_HEALTH_PORT", "65536"): (
        "EXTRATO_HEALTH_PORT must be a port number from 1 to 65535, or 0 for none, not '65536'."
    ),
    ("EXTRATO_AUTH", "a.b"): "EXTRATO_AUTH must be 'keys' or 'open', not 'a.b'.",
    ("EXTRATO_LOG_LEVEL", "Loud"): "EXTRATO_LOG_LEVEL must be debug, info, warning or error, not 'loud'.",
    ("EXTRATO_TRUSTED_PROXIES", "10.0.0.1/8"): (
        "EXTRATO_TRUSTED_PROXIES must be addresses or networks such as 10.0.0.0/8, with commas between them:"
        " 10.0.0.1/8 has host bits set."
    ),
    ("EXTRATO_PUBLIC_URL", "http://[::1"): "EXTRATO_PUBLIC_URL must be a URL that starts with http:// or https://.",
    ("EXTRATO_MERCADOPAGO_URL", "ftp://u:s3cret@x"): (
        "EXTRATO_MERCADOPAGO_URL must be a URL that starts with http:// or https://."
    ),
    ("EXTRATO_DATABASE_URL", "mysql://u:s3cret@x"): (
        "EXTRATO_DATABASE_URL must be a URL that starts with postgres:// or postgresql://."
    ),
    ("EXTRATO_MIGRATION_DATABASE_URL", "u:s3cret@x"): (
        "EXTRATO_MIGRATION_DATABASE_URL must be a URL that starts with postgres:// or postgresql://."
    ),
    ("EXTRATO_COPIES_CONSUMER", "feed-s3cret"): (
        "EXTRATO_COPIES_CONSUMER must be a name that starts with subscribers-copy-."
    ),
    ("EXTRATO_NATS_URL", "http://u:s3cret@x"): (
        "EXTRATO_NATS_URL must be a URL that starts with nats:// or tls:// or ws:// or wss://."
    ),
}


@pytest.mark.parametrize(("name", "text"), SENTENCES)
def test_error_names_variable_and_bounds_without_urls(name, text):
    with pytest.raises(InvalidSettings) as refused:
        Settings.from_environment({name: text})
    assert str(refused.value) == SENTENCES[name, text]


def values(environment):
    return msgspec.structs.asdict(Settings.from_environment(environment))


@pytest.mark.parametrize("name", VARIABLES)
def test_empty_variable_uses_the_default(name):
    assert values({name: ""}) == values({})


@pytest.mark.parametrize("name", [name for name in VARIABLES if name != "EXTRATO_SECRET_KEY"])
def test_blank_variable_uses_the_default(name):
    assert values({name: "  "}) == values({})


def test_blank_secret_key_is_kept_for_the_keys_reader():
    assert Settings.from_environment({"EXTRATO_SECRET_KEY": "  "}).secret_key == "  "


def test_unknown_variables_are_ignored():
    assert values({"EXTRATO_OTHER": "1", "port": "9", "timeouts": "1"}) == values({})


def test_urls_and_levels_are_normalised():
    settings = Settings.from_environment(
        {"EXTRATO_PUBLIC_URL": " HTTPS://hub.example/ ", "EXTRATO_LOG_LEVEL": " DEBUG "}
    )
    assert (settings.public_url, settings.log_level) == ("HTTPS://hub.example", "debug")
    assert Settings.from_environment({"EXTRATO_PORT": "9000"}).public_url == "http://127.0.0.1:9000"


# Defaults that depend on another setting.
COMPUTED = {
    "EXTRATO_PUBLIC_URL": "`http://127.0.0.1:<port>`",
    "EXTRATO_SECRET_KEY": "`secret.key` in the home",
    "EXTRATO_FORGOTTEN_FILE": "`forgotten.jsonl` in the home; none with an own PostgreSQL",
    "EXTRATO_MERCADOPAGO_URL": "`https://api.mercadopago.com`, the sandbox under `make up`",
    "EXTRATO_DRAIN_S": "`5`, `0` under `make up`",
    "EXTRATO_FINISH_TIMEOUT_S": "`20`, `1` under `make up`",
}
# Read by the sandbox and by `extrato vault rotate`.
OF_OTHERS = {"EXTRATO_SANDBOX_CONTROL_HOSTS", "EXTRATO_NEW_SECRET_KEY"}


def shown(name):
    default = VARIABLES[name].default
    if name in COMPUTED or default in ("", None, ()):
        return COMPUTED.get(name, "none")
    return f"`{default:g}`" if isinstance(default, float) else f"`{default}`"


def test_reference_lists_every_setting_with_its_default():
    rows = dict(
        re.findall(r"^\| `(EXTRATO_\w+)` \| ([^|]+) \|", REFERENCE.read_text(encoding="utf-8"), flags=re.MULTILINE)
    )
    assert {name: default for name, default in rows.items() if name not in OF_OTHERS} == {
        **{name: shown(name) for name in VARIABLES},
        **{file_variable(name): "none" for name in CREDENTIALS},
    }


@pytest.mark.parametrize("name", VARIABLES)
def test_every_setting_has_a_description(name):
    assert any(meta.description for meta in VARIABLES[name].type.__metadata__)
