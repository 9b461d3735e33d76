-- Moves the sequences of positions and payment ids forward to the used numbers, where they are behind: after a failover
-- by logical replication, which copies rows but no sequences, or after a restore, where others have seen more than the
-- log. They never go back. Payment ids are read from the log above `after`; a state that is not text raises no error.
--
-- Services have no right to set a sequence, so it runs with the rights of its owner, and reads no table of services.
CREATE FUNCTION right_sequences(
    seen_position bigint, seen_payment bigint, after bigint, OUT newest_position bigint, OUT newest_payment bigint
)
LANGUAGE plpgsql SECURITY DEFINER SET search_path FROM CURRENT AS $$
BEGIN
    newest_position := greatest(
        seen_position,
        (SELECT max(notification_id) FROM stored_events),
        (SELECT last_value FROM stored_events_notification_id_seq WHERE is_called)
    );
    newest_payment := greatest(
        seen_payment,
        (
            SELECT max(substring(encode(state, 'escape') FROM '"payment_id":([0-9]{1,15})')::bigint)
            FROM stored_events WHERE notification_id > after AND topic LIKE 'PaymentOpened.%'
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
