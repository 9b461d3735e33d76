-- Which log this is, for ever: two hubs never share a bus, and a bus never carries two logs.
CREATE TABLE log_identity (
    is_only boolean PRIMARY KEY DEFAULT true CHECK (is_only),
    log_id  uuid    NOT NULL DEFAULT gen_random_uuid()
);

INSERT INTO log_identity DEFAULT VALUES;

-- An epoch ends when the log went back: it was restored from a copy that lacks events which others know already. From
-- `last_common` on, positions of the epochs before may have stood for other events.
CREATE TABLE log_epochs (
    epoch       integer     PRIMARY KEY,
    last_common bigint      NOT NULL,
    reason      text        NOT NULL,
    began_at    timestamptz NOT NULL DEFAULT now()
);

INSERT INTO log_epochs (epoch, last_common, reason) VALUES (1, 0, 'first');

-- Who carries the log to the bus. A lease ends by PostgreSQL's clock, for a process that is frozen keeps its session; and
-- with the session of its holder, for a process that was killed renews nothing. `bus_id` is the id in the metadata of
-- the stream that the holder fills: all processes must use that NATS.
CREATE TABLE relay_lease (
    is_only       boolean     PRIMARY KEY DEFAULT true CHECK (is_only),
    holder        uuid        NOT NULL,
    backend       integer     NOT NULL,
    backend_start timestamptz NOT NULL,
    until         timestamptz NOT NULL,
    bus_id        text
);
