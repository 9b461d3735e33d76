-- The permanent id of the log: two hubs never share a bus, and a bus never carries two logs.
CREATE TABLE log_identity (
    is_only boolean PRIMARY KEY DEFAULT true CHECK (is_only),
    log_id  uuid    NOT NULL DEFAULT gen_random_uuid()
);

INSERT INTO log_identity DEFAULT VALUES;

-- An epoch ends when the log goes back: it was restored from a copy that lacks events which others have seen. After
-- `last_common`, the same positions may have had other events in earlier epochs.
CREATE TABLE log_epochs (
    epoch       integer     PRIMARY KEY,
    last_common bigint      NOT NULL,
    reason      text        NOT NULL,
    began_at    timestamptz NOT NULL DEFAULT now()
);

INSERT INTO log_epochs (epoch, last_common, reason) VALUES (1, 0, 'first');

-- The process whose relay publishes the log. A lease ends by PostgreSQL's clock, because a frozen process keeps its
-- session. It also ends with the session of its holder, because a killed process cannot release it. `bus_id` is the id
-- in the metadata of the holder's stream: all processes must use that NATS.
CREATE TABLE relay_lease (
    is_only       boolean     PRIMARY KEY DEFAULT true CHECK (is_only),
    holder        uuid        NOT NULL,
    backend       integer     NOT NULL,
    backend_start timestamptz NOT NULL,
    until         timestamptz NOT NULL,
    bus_id        text
);
