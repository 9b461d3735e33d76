"""Embedded PostgreSQL and NATS below the hub's home, for a machine without these servers."""
