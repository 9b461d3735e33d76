-- The progress of sealing the personal data of older events: all up to `up_to`, which versions before this one appended.
-- Each step of `extrato seal-log` has a cursor. `finished_at` is empty while personal data may be in plain text.
CREATE TABLE log_sealing (
    is_only     boolean     PRIMARY KEY DEFAULT true CHECK (is_only),
    up_to       bigint      NOT NULL,
    step        text        NOT NULL DEFAULT 'events',
    cursor      text        NOT NULL DEFAULT '',
    rewritten   bigint      NOT NULL DEFAULT 0,
    epoch       bigint,
    finished_at timestamptz
);

-- A process of an older version may append no plain e-mail address after this: it calls the function without keys.
SELECT pg_catalog.pg_advisory_xact_lock(7301984003);
-- squawk-ignore ban-drop-function
DROP FUNCTION append_events(
    integer[], uuid[], bigint[], text[], bytea[], integer[], bytea[], text[], bytea[]
);

INSERT INTO log_sealing (up_to, finished_at)
SELECT coalesce(max(notification_id), 0), CASE WHEN max(notification_id) IS NULL THEN now() END FROM stored_events;
