"""PostgreSQL: the event log, and the tables beside it."""
