-- Events that a read model skipped, written in the transaction that moves its checkpoint past them. `unreadable` is true
-- when the code could not read the event; otherwise it could not apply the event.
CREATE TABLE passed_over (
    read_model text        NOT NULL,
    position   bigint      NOT NULL,
    topic      text        NOT NULL,
    unreadable boolean     NOT NULL,
    reason     text        NOT NULL,
    passed_at  timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (read_model, position)
);

-- The event at the checkpoint. Empty until the checkpoint moves, and where that event is unreadable.
ALTER TABLE checkpoints ADD COLUMN event_id uuid;
