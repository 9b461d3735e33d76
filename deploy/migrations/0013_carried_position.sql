-- How far the log was carried to the stream, at least: the event `event_id` at `position` has the number `sequence` there.
-- A stream whose messages an operator lets grow too old for it may be empty, and cannot tell.
ALTER TABLE relay_lease ADD COLUMN sequence bigint, ADD COLUMN position bigint, ADD COLUMN event_id text;
