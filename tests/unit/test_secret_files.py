"""Settings from files and from the credentials of systemd."""

from __future__ import annotations

import pytest

from extrato.secret_files import CREDENTIALS, MAX_BYTES, file_variable, secret_file
from extrato.settings import InvalidSettings, Settings

VALUES = {
    "EXTRATO_DATABASE_URL": "postgresql://services:s3cret@db.example/extrato",
    "EXTRATO_MIGRATION_DATABASE_URL": "postgresql://owner:s3cret@db.example/extrato",
    "EXTRATO_NATS_URL": "nats://hub:s3cret@nats.example",
    "EXTRATO_COPIES_NATS_URL": "nats://copier:s3cret@nats.example",
    "EXTRATO_COPIES_CONSUMER": "subscribers-copy-s3cret",
    "EXTRATO_SECRET_KEY": "s3cret ",
}


def write(tmp_path, content):
    path = tmp_path / "given"
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return path


def refusal(**environment):
    with pytest.raises(InvalidSettings) as refused:
        Settings.from_environment(environment)
    assert "s3cret" not in str(refused.value)
    return str(refused.value)


@pytest.mark.parametrize("end", ["", "\n"])
def test_each_secret_comes_from_its_file_without_one_trailing_line_feed(tmp_path, end):
    environment = {}
    for name, value in VALUES.items():
        (tmp_path / name).write_text(value + end)
        environment[file_variable(name)] = str(tmp_path / name)
    assert Settings.from_environment(environment) == Settings.from_environment(VALUES)
    assert set(VALUES) == set(CREDENTIALS)


def test_each_secret_comes_from_its_credential(tmp_path):
    for name, value in VALUES.items():
        (tmp_path / CREDENTIALS[name]).write_text(value + "\n")
    settings = Settings.from_environment({"CREDENTIALS_DIRECTORY": str(tmp_path)})
    assert settings == Settings.from_environment(VALUES)


def test_only_one_line_feed_is_dropped(tmp_path):
    key = write(tmp_path, "key\n\n")
    assert Settings.from_environment({"EXTRATO_SECRET_KEY_FILE": str(key)}).secret_key == "key\n"


def test_named_file_counts_before_a_credential(tmp_path):
    (tmp_path / "nats-url").write_text("nats://credential")
    named = write(tmp_path, "nats://named")
    environment = {"CREDENTIALS_DIRECTORY": str(tmp_path), "EXTRATO_NATS_URL_FILE": str(named)}
    assert Settings.from_environment(environment).nats_url == "nats://named"


def test_folder_without_the_credential_is_no_secret(tmp_path):
    environment = {"CREDENTIALS_DIRECTORY": str(tmp_path), "EXTRATO_NATS_URL_FILE": " "}
    assert Settings.from_environment(environment).nats_url == ""
    assert secret_file(environment, "EXTRATO_NATS_URL") is None


def test_value_beside_its_file_is_refused(tmp_path):
    file = write(tmp_path, "nats://s3cret")
    (tmp_path / "secret-key").write_text("s3cret")
    sentence = refusal(EXTRATO_NATS_URL="nats://s3cret", EXTRATO_NATS_URL_FILE=str(file))
    assert sentence == "EXTRATO_NATS_URL and EXTRATO_NATS_URL_FILE are both set: remove one of them."
    sentence = refusal(EXTRATO_SECRET_KEY="s3cret", CREDENTIALS_DIRECTORY=str(tmp_path))
    assert sentence == "EXTRATO_SECRET_KEY and the credential secret-key are both set: remove one of them."


@pytest.mark.parametrize(
    ("content", "fault"),
    [
        (b"", "is empty"),
        (b"\n", "is empty"),
        (b"s3cret\xff", "is not text in UTF-8"),
        (b"s3cret" * MAX_BYTES, f"has more than {MAX_BYTES} bytes"),
    ],
)
def test_unusable_file_is_named_without_its_content(tmp_path, content, fault):
    file = write(tmp_path, content)
    sentence = refusal(EXTRATO_SECRET_KEY_FILE=str(file))
    assert sentence == f"The file {file} of EXTRATO_SECRET_KEY {fault}."


@pytest.mark.parametrize(("name", "reason"), [("absent", "No such file or directory"), (".", "Is a directory")])
def test_unreadable_file_is_named(tmp_path, name, reason):
    sentence = refusal(EXTRATO_DATABASE_URL_FILE=str(tmp_path / name))
    assert sentence == f"The file {tmp_path / name} of EXTRATO_DATABASE_URL cannot be read: {reason}."


def test_wrong_content_is_not_repeated(tmp_path):
    file = write(tmp_path, "mysql://u:s3cret@x")
    assert "must be a URL that starts with postgres://" in refusal(EXTRATO_DATABASE_URL_FILE=str(file))
