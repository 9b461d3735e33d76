"""The secrets of a hub as deploy/secrets.sh makes them, and servers with the shipped configuration."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sysconfig
from pathlib import Path

import asyncpg
import pytest

from services.cli.embedded.nats import EmbeddedNats
from services.cli.embedded.postgres_paths import make_paths
from tests.pace import until
from tests.ports import free_port

ROOT = Path(__file__).parents[3]
DEPLOY = ROOT / "deploy"
# The wheel has no contributed modules.
NOT_IN_THE_WHEEL = "pg_stat_statements"
NATS_SERVER = Path(sysconfig.get_path("scripts")) / "nats-server"


def make_secrets(folder, *, public_host="localhost"):
    environment = os.environ | {"NATS_HOST": "localhost", "POSTGRES_HOST": "localhost"}
    return subprocess.run(
        [DEPLOY / "secrets.sh", folder, public_host], env=environment, capture_output=True, text=True, check=False
    )


@pytest.fixture(scope="session")
def secrets(tmp_path_factory):
    folder = tmp_path_factory.mktemp("deployment") / "secrets"
    made = make_secrets(folder)
    assert made.returncode == 0, made.stderr
    return folder


def variables(secrets):
    """What secrets.conf defines, by name."""
    return dict(re.findall(r'^(\w+): "(.*)"$', (secrets / "nats-secrets.conf").read_text(), re.MULTILINE))


class ShippedNats:
    """A server that has the files of deploy/nats in one folder, with other paths and ports than they name."""

    def __init__(self, folder, secrets):
        self.folder = folder
        self.port, self.monitoring_port = free_port(), free_port()
        self.secrets = folder / "secrets.conf"
        for name in ("nats.conf", "accounts.conf"):
            text = (DEPLOY / "nats" / name).read_text()
            text = text.replace("/etc/nats", str(folder)).replace("/var/lib/nats", str(folder / "streams"))
            text = text.replace("0.0.0.0:4222", f"127.0.0.1:{self.port}")
            (folder / name).write_text(text.replace("0.0.0.0:8222", f"127.0.0.1:{self.monitoring_port}"))
        self.secrets.write_text((secrets / "nats-secrets.conf").read_text())
        for name in ("nats.crt", "nats.key"):
            (folder / name).write_bytes((secrets / name).read_bytes())
        self.variables = variables(secrets)
        self.delivery_consumer = self.variables["DELIVERY_FC_ALL"].split(".")[3]

    def url(self, user, variable):
        return f"tls://{user}:{self.variables[variable]}@localhost:{self.port}"

    @property
    def hub_url(self):
        return self.url("extrato", "HUB_PASSWORD")

    @property
    def copies_url(self):
        return self.url("copier", "COPIER_PASSWORD")

    @property
    def subscriber_url(self):
        return self.url("subscriber", "SUBSCRIBER_PASSWORD")

    @property
    def operator_url(self):
        return self.url("operator", "OPERATOR_PASSWORD")


@pytest.fixture
async def shipped_nats(tmp_path, secrets, monkeypatch):
    """It runs; clients of this process trust its authority, as the roles do by SSL_CERT_FILE."""
    monkeypatch.setenv("SSL_CERT_FILE", str(secrets / "ca.crt"))
    server = ShippedNats(tmp_path, secrets)
    with (tmp_path / "log").open("wb") as log:
        process = subprocess.Popen([NATS_SERVER, "-c", tmp_path / "nats.conf"], stdout=log, stderr=log)
    server.pid = process.pid
    try:
        await until(lambda: b"Server is ready" in (tmp_path / "log").read_bytes())
        yield server
    finally:
        process.terminate()
        process.wait()


@pytest.fixture
def embedded_rights(home, secrets):
    """The accounts of the embedded NATS, with the names and passwords of `secrets`."""
    embedded, given = EmbeddedNats(home), variables(secrets)
    embedded._delivery_consumer = given["DELIVERY_FC_ALL"].split(".")[3]
    embedded._password = given["HUB_PASSWORD"]
    embedded._copier_password = given["COPIER_PASSWORD"]
    embedded._subscriber_password = given["SUBSCRIBER_PASSWORD"]
    return embedded._accounts()


@pytest.fixture
async def shipped_postgres(home, secrets):
    """A cluster with the shipped settings and rules; gives its port. Its administrator uses the socket only."""
    paths = make_paths(home)
    user = {} if paths.user is None else {"user": paths.user.pw_uid, "group": paths.user.pw_gid, "extra_groups": ()}
    folder = paths.folder / "shipped"
    folder.mkdir()
    port = free_port()

    def run(program, *options, **environment):
        command, environment = [paths.binaries / program, *options], {"LC_ALL": "C", **environment}
        done = subprocess.run(command, **user, cwd="/", env=environment, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr

    for name in ("extrato.conf", "pg_hba.conf", "roles.sql"):
        lines = (DEPLOY / "postgres" / name).read_text().splitlines(keepends=True)
        (folder / name).write_text("".join(line for line in lines if NOT_IN_THE_WHEEL not in line))
    # The system user of the test has another name than the administrator.
    rules = (folder / "pg_hba.conf").read_text()
    (folder / "pg_hba.conf").write_text(rules.replace("peer\n", "trust\n"))
    if paths.user:
        for path in (folder, *folder.iterdir()):
            shutil.chown(path, paths.user.pw_uid, paths.user.pw_gid)
    run("initdb", "-D", str(folder / "data"), "--username=postgres", "--data-checksums", "--no-sync")
    options = {
        "config_file": folder / "extrato.conf",
        "hba_file": folder / "pg_hba.conf",
        "unix_socket_directories": paths.socket,
        "port": port,
        "fsync": "off",
    }
    settings = [word for name, value in options.items() for word in ("-c", f"{name}={value}")]
    process = subprocess.Popen(
        [paths.binaries / "postgres", "-D", folder / "data", *settings],
        **user,
        cwd="/",
        env={"LC_ALL": "C"},
        stderr=subprocess.DEVNULL,
    )
    try:
        await until(lambda: takes_the_administrator(paths.socket, port))
        passwords = {
            f"{name.upper()}_PASSWORD": (secrets / f"{name}-password").read_text().strip()
            for name in ("owner", "services")
        }
        connecting = ("-X", "-h", paths.socket, "-p", str(port), "-U", "postgres")
        run("psql", *connecting, "-f", folder / "roles.sql", **passwords)
        yield port
    finally:
        process.terminate()
        process.wait()


async def takes_the_administrator(socket, port):
    try:
        connection = await asyncpg.connect(host=str(socket), port=port, user="postgres", database="postgres")
    except (OSError, asyncpg.CannotConnectNowError):
        return False
    await connection.close()
    return True
