"""A Debian server below one folder: runs the commands of a page without changes, and units in the way of systemd.

A path such as /etc/nats is the same path below the folder, and a port is a free one. The programs that would change the
real machine have stand-ins: apt-get, useradd, systemctl, runuser, pip, and nginx's own paths. Everything else runs.
"""

from __future__ import annotations

import asyncio
import contextlib
import fnmatch
import json
import os
import pwd
import re
import shlex
import shutil
import signal
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import Self

from services.cli.embedded.postgres_paths import SYSTEM_USER, make_paths
from tests.integration.deployment.debian import (
    POSTGRES_PROGRAMS,
    ROOT,
    install_packages,
    link_tree,
    nginx,
    postgres_15,
    python_for_everyone,
)
from tests.integration.deployment.systemd import Unit, read_unit
from tests.pace import until
from tests.ports import free_port

IS_ROOT = os.geteuid() == 0
FIRST_DYNAMIC_UID = 61184
NATS_UID = 61183
PORTS = ("5432", "4222", "8222", "8000", "8080", "8081", "8082")
# Everything that a document or a file of deploy/ names outside the checkout.
PLACES = re.compile(r"(?<![\w.}/-])/(?=(?:etc|mnt|opt|root|run|usr/local|var)/)")
POSTGRES = "postgresql@15-main.service"
STAND_IN = Path(__file__).with_name("stand_in.py")
POSTGRES_UNIT = """
[Service]
User=postgres
ExecStart={binaries}/postgres -D /var/lib/postgresql/15/main -c config_file=/etc/postgresql/15/main/postgresql.conf
Environment=LD_LIBRARY_PATH={libraries}
KillSignal=SIGINT
"""
# What pg_createcluster of Debian writes, as far as the hub is concerned. Without Debian's libllvm14 there is no JIT.
POSTGRES_SETTINGS = """
data_directory = '/var/lib/postgresql/15/main'
hba_file = '/etc/postgresql/15/main/pg_hba.conf'
ident_file = '/etc/postgresql/15/main/pg_ident.conf'
unix_socket_directories = '/run/postgresql'
port = 5432
jit = off
include_dir = 'conf.d'
"""
NGINX_UNIT = """
[Service]
ExecStart={nginx} -c /etc/nginx/nginx.conf -e /var/log/nginx/main.log -p /etc/nginx
"""
NGINX_SETTINGS = """
daemon off;
{user}
pid /run/nginx.pid;
worker_processes 1;
events {{ worker_connections 256; }}
http {{
    client_body_temp_path /var/lib/nginx/body;
    proxy_temp_path /var/lib/nginx/proxy;
    fastcgi_temp_path /var/lib/nginx/fastcgi;
    uwsgi_temp_path /var/lib/nginx/uwsgi;
    scgi_temp_path /var/lib/nginx/scgi;
    include /etc/nginx/conf.d/*.conf;
}}
"""


class Machine:
    """One server. `root` is the folder that stands for `/`; others may enter it."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.ports = {port: free_port() for port in PORTS}
        self.http_port, self.https_port = free_port(), free_port()
        self.checkout = root / "checkout"
        self.programs = root / "programs"
        self._socket = root / "systemctl.sock"
        self._running: dict[str, subprocess.Popen[bytes]] = {}
        self._uids: dict[str, int] = {}
        self._server: asyncio.Server | None = None

    async def __aenter__(self) -> Self:
        for folder in (
            "etc/ssl/certs",
            "etc/systemd/system",
            "mnt",
            "opt",
            "root",
            "usr/local/bin",
            "var/lib",
            "var/log",
        ):
            (self.root / folder).mkdir(parents=True)
        shutil.copytree(ROOT / "deploy", self.checkout / "deploy", ignore=shutil.ignore_patterns("secrets"))
        for path in (self.checkout / "deploy").rglob("*"):
            if path.is_file():
                path.write_text(self.here(path.read_text()))
        for name in ("requirements/run.txt", "services/cli/embedded/archive.sh"):
            (self.checkout / name).parent.mkdir(parents=True)
            shutil.copy(ROOT / name, self.checkout / name)
        shutil.copy(Path(sys.prefix) / "bin" / "nats-server", self.root / "usr/local/bin")
        self._write_programs()
        self._server = await asyncio.start_unix_server(self._answer, self._socket)
        return self

    async def __aexit__(self, *_: object) -> None:
        self.lose_power()
        assert self._server
        self._server.close()

    def here(self, text: str) -> str:
        """Return a command or a file of the document with the paths and ports of this machine."""
        text = PLACES.sub(f"{self.root}/", text)
        text = re.sub(r"\b(?:" + "|".join(PORTS) + r")\b", lambda port: str(self.ports[port[0]]), text)
        text = text.replace("listen 80 ", f"listen 127.0.0.1:{self.http_port} ")
        text = text.replace("listen 443 ", f"listen 127.0.0.1:{self.https_port} ")
        text = re.sub(r"(local .*) peer$", r"\1 peer map=walk", text, flags=re.MULTILINE)
        return text.replace("/usr/lib/postgresql/15/bin/", f"{self.programs}/")

    def path(self, documented: str) -> Path:
        """Return where a path of the document is."""
        return self.root / documented.removeprefix("/")

    async def run(self, script: str) -> str:
        """Run commands of the document in one shell, as its administrator; returns what they print."""
        script = self.here(script)
        script = script.replace("-o nats", f"-o {NATS_UID}" if IS_ROOT else "")
        script = script.replace("-o postgres", f"-o {SYSTEM_USER}" if IS_ROOT else "")
        environment = {
            "PATH": f"{self.programs}:/usr/sbin:/usr/bin:/sbin:/bin",
            "PGHOST": str(self.root / "run/postgresql"),
            "PGPORT": self.ports["5432"],
            "PGUSER": "postgres",
            "LC_ALL": "C.UTF-8",
        }
        process = await asyncio.create_subprocess_exec(
            *("bash", "-eu", "-o", "pipefail", "-c", f"umask 022\n{script}"),
            cwd=self.checkout,
            env={name: str(value) for name, value in environment.items()},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            stdin=subprocess.DEVNULL,
        )
        out, errors = await process.communicate()
        assert process.returncode == 0, f"{script}\n{out.decode()}{errors.decode()}{self.logs()}"
        return out.decode()

    def lose_power(self) -> None:
        """End every process at once, with its children."""
        for process in self._running.values():
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            process.wait()
        self._running.clear()

    def users(self, *units: str) -> set[int]:
        """The user ids of running units."""
        return {Path(f"/proc/{self._running[unit].pid}").stat().st_uid for unit in units}

    def logs(self) -> str:
        """The output of every unit."""
        return "".join(f"\n{path.name}: {path.read_text()}" for path in sorted((self.root / "var/log").glob("*.log")))

    # The programs of the machine

    def _write_programs(self) -> None:
        self.programs.mkdir()
        self._binaries, self._libraries = postgres_15(self.root)
        for name in POSTGRES_PROGRAMS:
            self._write_program(name, f'LD_LIBRARY_PATH={self._libraries} exec {self._binaries}/{name} "$@"')
        for name in ("apt-get", "python3", "systemctl", "useradd"):
            self._write_stand_in(self.programs / name)
        become = f"exec setpriv --reuid={SYSTEM_USER} --regid={SYSTEM_USER} --clear-groups --" if IS_ROOT else "exec"
        # runuser -u USER -- COMMAND
        self._write_program("runuser", f'shift 3\n{become} "$@"')
        nginx_options = self.here(NGINX_UNIT).partition("ExecStart={nginx}")[2].strip()
        self._write_program("nginx", f'exec {nginx()} {nginx_options} "$@"')

    def _write_program(self, name: str, script: str) -> None:
        path = self.programs / name
        path.write_text(f"#!/bin/sh\n{script}\n")
        path.chmod(0o755)

    def _write_stand_in(self, path: Path) -> None:
        words = shlex.join(map(str, (sys.executable, "-I", "-S", STAND_IN, self._socket, path.name)))
        path.write_text(f'#!/bin/sh\nexec {words} "$@"\n')
        path.chmod(0o755)

    async def _answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        program, *words = json.loads(await reader.readline())
        answers = {
            "apt-get": self._install_debian_packages,
            "pip": self._pip,
            "python3": self._make_environment,
            "systemctl": self._systemctl,
        }
        try:
            if program in answers:
                await answers[program](*words)
            code, said = 0, ""
        except AssertionError as error:
            code, said = 1, f"{program}: {error}\n"
        writer.write(json.dumps([code, said]).encode() + b"\n")
        await writer.drain()
        writer.close()

    async def _install_debian_packages(self, *words: str) -> None:
        """Make what the installation of Debian's packages makes: a cluster, nginx's folders, and their units."""
        assert words == ("install", "-y", "python3-venv", "openssl", "postgresql", "nginx")
        units = self.path("/etc/systemd/system")
        unit = self.here(POSTGRES_UNIT).format(binaries=self._binaries, libraries=self._libraries)
        (units / "postgresql@.service").write_text(unit)
        (units / "nginx.service").write_text(self.here(NGINX_UNIT).format(nginx=nginx()))

        settings, data = self.path("/etc/postgresql/15/main"), self.path("/var/lib/postgresql/15/main")
        for folder in (settings / "conf.d", data, self.path("/run/postgresql")):
            folder.mkdir(parents=True)
        (settings / "postgresql.conf").write_text(self.here(POSTGRES_SETTINGS))
        system_user = SYSTEM_USER if IS_ROOT else pwd.getpwuid(os.geteuid()).pw_name
        (settings / "pg_ident.conf").write_text(f"walk {system_user} postgres\n")
        for folder in (data.parent, data, self.path("/run/postgresql")):
            self._give(folder, self._owner("postgres"))
        await self.run(
            f"runuser -u postgres -- initdb --pgdata {data} --username=postgres --auth-local=peer"
            " --auth-host=scram-sha-256 --no-sync"
        )

        for folder in ("/etc/nginx/conf.d", "/etc/nginx/sites-enabled", "/var/lib/nginx", "/var/log/nginx"):
            self.path(folder).mkdir(parents=True)
        user = "user www-data;" if IS_ROOT else ""
        self.path("/etc/nginx/nginx.conf").write_text(self.here(NGINX_SETTINGS.format(user=user)))

    async def _make_environment(self, *words: str) -> None:
        assert words == ("-m", "venv", str(self.path("/opt/extrato")))
        python = await asyncio.create_subprocess_exec(python_for_everyone(), "-m", "venv", "--without-pip", words[2])
        assert await python.wait() == 0
        self._write_stand_in(self.path("/opt/extrato/bin/pip"))

    async def _pip(self, *words: str) -> None:
        """Install the locked packages, or the hub as its wheel has it."""
        (site,) = self.path("/opt/extrato/lib").glob("python3*/site-packages")
        if "--require-hashes" in words:
            await asyncio.to_thread(install_packages, self.checkout / words[-1], site)
            return
        project = tomllib.loads((ROOT / "pyproject.toml").read_text())
        for package in project["tool"]["setuptools"]["packages"]["find"]["include"]:
            folder = package.removesuffix("*").replace(".", "/")
            link_tree(ROOT / folder, site / folder)
        module, _, function = project["project"]["scripts"]["extrato"].partition(":")
        script = self.path("/opt/extrato/bin/extrato")
        script.write_text(
            f"#!{script.parent / 'python'}\nimport sys\nfrom {module} import {function}\nsys.exit({function}())\n"
        )
        script.chmod(0o755)

    # systemd

    async def _systemctl(self, verb: str, *words: str) -> None:
        units = [name for name in words if not name.startswith("-") and "*" not in name]
        names = [name if "." in name else f"{name}.service" for name in units]
        names += [name for word in words if "*" in word for name in fnmatch.filter(self._running, f"{word}.service")]
        if verb in {"start", "enable"}:
            for name in names:
                await self._start(name)
        elif verb == "stop":
            for name in names:
                await self._stop(name)
        elif verb == "restart":
            for name in names:
                await self._stop(name)
                await self._start(name)
        elif verb == "reload":
            for name in names:
                await (self._reload if name in self._running else self._start)(name)
        elif verb == "status":
            assert all(process.poll() in {None, 0} for process in self._running.values()), self.logs()
        else:
            assert verb == "daemon-reload", verb

    async def _start(self, name: str) -> None:
        """Start a unit after those that it wants."""
        unit = read_unit(self.path("/etc/systemd/system"), name)
        if unit is None or name in self._running:
            return
        for wanted in unit.wants:
            await self._start(wanted)
        if not unit.command:
            return
        with (self.root / "var/log" / f"{name}.log").open("ab") as log:
            process = self._spawn(unit, log)
        if unit.is_oneshot:
            assert await asyncio.to_thread(process.wait) == 0, self.logs()
        else:
            self._running[name] = process
        if name == POSTGRES:
            await until(lambda: self._postgres_accepts(process), "PostgreSQL is ready", within_s=20)

    def _spawn(self, unit: Unit, log: object) -> subprocess.Popen[bytes]:
        owner = self._owner(unit.user)
        runtime = self.root / "run"
        if unit.runtime_directory:
            shutil.rmtree(runtime / unit.runtime_directory, ignore_errors=True)
            (runtime / unit.runtime_directory).mkdir(mode=0o700)
            self._give(runtime / unit.runtime_directory, owner)
        if unit.state_directory:
            state = self.root / "var/lib" / unit.state_directory
            state.mkdir(mode=0o700, exist_ok=True)
            self._give(state, owner)
        credentials = runtime / "credentials" / unit.name
        shutil.rmtree(credentials, ignore_errors=True)
        if unit.credentials:
            credentials.mkdir(parents=True, mode=0o700)
        for name, source in unit.credentials.items():
            (credentials / name).write_bytes(Path(source).read_bytes())
            (credentials / name).chmod(0o400)
            self._give(credentials / name, owner)
        if unit.credentials:
            self._give(credentials, owner)
        placed = {"%d": str(credentials), "%t": str(runtime), "%S": str(self.root / "var/lib")}
        environment = unit.environment(placed)
        if unit.credentials:
            environment["CREDENTIALS_DIRECTORY"] = str(credentials)
        return subprocess.Popen(
            unit.restricted_command(str(self.path("/opt/extrato/bin/python"))),
            env=environment | {"PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin"},
            cwd=unit.working_directory(placed) or "/",
            **({} if owner is None else {"user": owner[0], "group": owner[1], "extra_groups": ()}),
            umask=unit.umask,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            start_new_session=True,
        )

    async def _stop(self, name: str) -> None:
        unit = read_unit(self.path("/etc/systemd/system"), name)
        assert unit is not None, name
        for wanted in unit.wants if name.endswith(".target") else ():
            await self._stop(wanted)
        process = self._running.pop(name, None)
        if process is not None:
            process.send_signal(unit.stop_signal)
            await asyncio.to_thread(process.wait, timeout=45)

    async def _reload(self, name: str) -> None:
        self._running[name].send_signal(signal.SIGHUP)

    async def _postgres_accepts(self, process: subprocess.Popen[bytes]) -> bool:
        assert process.poll() is None, self.logs()
        pid_file = self.path("/var/lib/postgresql/15/main/postmaster.pid")
        lines = pid_file.read_text().splitlines() if pid_file.exists() else []
        return len(lines) > 7 and lines[0] == str(process.pid) and lines[7].strip() in {"ready", "standby"}

    def _owner(self, user: str) -> tuple[int, int] | None:
        """The user and group of a unit; None where the tests do not run as root, and for root's own units."""
        if not IS_ROOT or not user:
            return None
        if user == "postgres":
            make_paths(self.root / "unused")
            found = pwd.getpwnam(SYSTEM_USER)
            return found.pw_uid, found.pw_gid
        uid = NATS_UID if user == "nats" else self._uids.setdefault(user, FIRST_DYNAMIC_UID + len(self._uids))
        return uid, uid

    @staticmethod
    def _give(path: Path, owner: tuple[int, int] | None) -> None:
        if owner is not None:
            os.chown(path, *owner)
