-- Moves the sequences of positions and payment numbers forward to what is used already, where they are behind: after a
-- failover by logical replication, which copies rows and no sequences, or after a restore, where the bus has seen more
-- than the log. They never go back. The numbers of payments are read from the read model, and behind it from the log;
-- a state that is no text is read without an error.
CREATE FUNCTION right_sequences(seen_position bigint, seen_payment bigint, OUT newest_position bigint, OUT newest_payment bigint)
LANGUAGE plpgsql AS $$
DECLARE
    known bigint := 0;
BEGIN
    newest_position := greatest(
        seen_position,
        (SELECT max(notification_id) FROM stored_events),
        (SELECT max(position) FROM checkpoints),
        (SELECT last_value FROM stored_events_notification_id_seq WHERE is_called)
    );
    newest_payment := seen_payment;
    IF to_regclass('payment_details') IS NOT NULL THEN
        SELECT greatest(newest_payment, max(payment_id)) INTO newest_payment FROM payment_details;
        SELECT coalesce(max(position), 0) INTO known FROM checkpoints WHERE read_model = 'payment_details';
    END IF;
    newest_payment := greatest(
        newest_payment,
        (
            SELECT max(substring(encode(state, 'escape') FROM '"payment_id":([0-9]{1,15})')::bigint)
            FROM stored_events WHERE notification_id > known AND topic LIKE 'PaymentOpened.%'
        ),
        (SELECT last_value FROM payment_numbers WHERE is_called)
    );
    IF newest_position > coalesce((SELECT last_value FROM stored_events_notification_id_seq WHERE is_called), 0) THEN
        PERFORM setval('stored_events_notification_id_seq', newest_position);
    END IF;
    IF newest_payment > coalesce((SELECT last_value FROM payment_numbers WHERE is_called), 0) THEN
        PERFORM setval('payment_numbers', newest_payment);
    END IF;
END;
$$;
