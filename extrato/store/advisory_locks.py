"""The numbers of PostgreSQL's advisory locks: any fixed numbers, each for one purpose. This is the one list."""

from __future__ import annotations

from typing import Final

# The process that migrates; the others wait, and find nothing missing.
MIGRATE: Final = 7_301_984_001
# The process that fills the subscribers' copies: two would each recreate what the other has created.
FILL_COPIES: Final = 7_301_984_002
# One append at a time; the function `append_events` takes it.
APPEND: Final = 7_301_984_003
# The process that seals the log of an older version.
SEAL_LOG: Final = 7_301_984_004
# Orders holds and the begin of forgettings, so that a payment is never both.
HOLD_OR_FORGET: Final = 7_301_984_005
# The first of two numbers of a rebuild; the second is a hash of the read model's name.
REBUILD_CLASS: Final = 7_301_984
