"""Runs both embedded servers once as an ordinary user (`nobody`), and prints facts about them as JSON.

Argument: the home. All modules are loaded first, because `nobody` may not be able to read Python's
own folder.
"""

import asyncio
import concurrent.futures.thread  # noqa: F401 - Otherwise Python loads it and the next one on demand.
import encodings.idna  # noqa: F401
import json
import os
import pwd
import sys
import sysconfig
from pathlib import Path

import asyncpg

from services.cli.embedded.nats import EmbeddedNats
from services.cli.embedded.postgres import EmbeddedPostgres


async def main(home):
    async with EmbeddedPostgres(home) as postgres, EmbeddedNats(home):
        connection = await asyncpg.connect(postgres.url)
        found = {
            "role": await connection.fetchval("SELECT current_user"),
            "server_user": (Path("/proc") / str(postgres.pid)).stat().st_uid,
            "home_mode": oct(home.stat().st_mode & 0o777),
        }
        await connection.close()
    print(json.dumps(found))


sysconfig.get_path("scripts")
nobody = pwd.getpwnam("nobody")
os.setgroups([])
os.setgid(nobody.pw_gid)
os.setuid(nobody.pw_uid)
os.chdir("/")
asyncio.run(main(Path(sys.argv[1])))
