"""Tries a door as the user `nobody` and prints how it was refused, or `came in`.

Arguments: `socket PATH`, `database URL`, `nats URL-without-password` or `file PATH`. All modules are loaded
first, because `nobody` may not be able to read Python's own folder.
"""

import asyncio
import concurrent.futures.thread  # noqa: F401 - As the next one, it is loaded on demand otherwise.
import encodings.idna  # noqa: F401
import os
import pwd
import socket
import sys
from pathlib import Path

import asyncpg


async def main(door, place):
    if door == "socket":
        socket.socket(socket.AF_UNIX).connect(place)
    elif door == "database":
        await asyncpg.connect(place, timeout=5)
    elif door == "file":
        Path(place).read_bytes()
    elif door == "nats":
        reader, writer = await asyncio.open_connection("127.0.0.1", int(place))
        await reader.readline()
        writer.write(b'CONNECT {"user":"extrato","pass":"extrato"}\r\nPING\r\n')
        answer = await reader.readline()
        if not answer.startswith(b"PONG"):
            raise PermissionError(answer.decode())


nobody = pwd.getpwnam("nobody")
os.setgroups([])
os.setgid(nobody.pw_gid)
os.setuid(nobody.pw_uid)
try:
    asyncio.run(main(*sys.argv[1:]))
except (OSError, asyncpg.PostgresError) as refusal:
    print(f"{type(refusal).__name__}: {refusal}")
else:
    print("came in")
