"""Connects to a target as the user `nobody`, and prints the error or `connected`.

Arguments: `socket PATH`, `database URL`, `nats URL-without-password` or `file PATH`. All modules are loaded
first, because `nobody` may not be able to read Python's folder.
"""

import asyncio
import concurrent.futures.thread  # noqa: F401 - Otherwise Python loads it and the next one on demand.
import encodings.idna  # noqa: F401
import os
import pwd
import socket
import sys
from pathlib import Path

import asyncpg


async def main(target, address):
    if target == "socket":
        socket.socket(socket.AF_UNIX).connect(address)
    elif target == "database":
        await asyncpg.connect(address, timeout=5)
    elif target == "file":
        Path(address).read_bytes()
    elif target == "nats":
        reader, writer = await asyncio.open_connection("127.0.0.1", int(address))
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
except (OSError, asyncpg.PostgresError) as error:
    print(f"{type(error).__name__}: {error}")
else:
    print("connected")
