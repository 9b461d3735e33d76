-- Removes the read model `payment_timeline` of older versions: a payment's events are read from the log. The checkpoint
-- is deleted first, because a runner of an older version locks the checkpoints before it writes to the tables.
DELETE FROM checkpoints WHERE read_model = 'payment_timeline';
DROP TABLE IF EXISTS payment_timeline;
