"""NATS JetStream: a copy of the log for many readers, which may be lost and is refilled."""
