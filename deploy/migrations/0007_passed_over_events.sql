-- Events that a read model does without, written in the transaction that moves its checkpoint past them. `unreadable`
-- says that the code could not read the event at all; otherwise it could not be applied.
CREATE TABLE passed_over (
    read_model text        NOT NULL,
    position   bigint      NOT NULL,
    topic      text        NOT NULL,
    unreadable boolean     NOT NULL,
    reason     text        NOT NULL,
    passed_at  timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (read_model, position)
);

-- Which event the checkpoint stands at. Empty until the checkpoint moves, and where that event cannot be read.
ALTER TABLE checkpoints ADD COLUMN event_id uuid;
