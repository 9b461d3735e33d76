"""Replaces a program of the machine: `stand_in.py SOCKET NAME ARGUMENT…` sends its arguments to the test.

It prints what the test answers, and ends with the answer's exit code.
"""

import json
import socket
import sys

with socket.socket(socket.AF_UNIX) as connection:
    connection.connect(sys.argv[1])
    connection.sendall(json.dumps(sys.argv[2:]).encode() + b"\n")
    code, said = json.loads(connection.makefile().readline())
sys.stderr.write(said)
sys.exit(code)
