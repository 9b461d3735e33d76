-- The relay's progress, at least: the event `event_id` at `position` has the number `sequence` in the stream. The stream
-- itself does not show it when an operator's limits have emptied it.
ALTER TABLE relay_lease ADD COLUMN sequence bigint, ADD COLUMN position bigint, ADD COLUMN event_id text;
