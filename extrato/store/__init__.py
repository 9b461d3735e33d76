"""The event log and what is kept beside it, in PostgreSQL."""
