#!/bin/sh
# The command `extrato` of the image. Its Python is PID 1 there, and so receives SIGTERM.
exec /opt/extrato/bin/python -m services.cli "$@"
