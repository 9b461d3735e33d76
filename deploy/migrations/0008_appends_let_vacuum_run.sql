-- Appends a batch in one round trip. An advisory lock lets one append in at a time, so that the order of positions is the
-- order of commits and a reader at the end of the log never skips a gap that is filled later. The eventsourcing
-- library's recorder locks the table in EXCLUSIVE mode instead, which excludes ROW EXCLUSIVE: the append takes that before
-- the sequence gives it a number. Neither lock conflicts with VACUUM, ANALYZE or CREATE INDEX CONCURRENTLY, which hold
-- SHARE UPDATE EXCLUSIVE as long as they run. A session that waits for the advisory lock has no lock on the table.
--
-- A member of the batch (numbered from 0 in `members`) is left out whole when its versions do not follow the stream's
-- last one without a gap; the others are appended. Returns the position of every event in the order of the arrays, 0 for
-- an event that was left out.
CREATE OR REPLACE FUNCTION append_events(
    members          integer[],
    originator_ids   uuid[],
    versions         bigint[],
    topics           text[],
    states           bytea[],
    evidence_members integer[],
    evidence_digests bytea[],
    evidence_kinds   text[],
    evidence_bodies  bytea[]
) RETURNS bigint[]
LANGUAGE plpgsql AS $$
DECLARE
    losers    integer[];
    positions bigint[];
BEGIN
    PERFORM pg_advisory_xact_lock(7301984003);
    LOCK TABLE stored_events IN ROW EXCLUSIVE MODE;

    SELECT coalesce(array_agg(new_events.member), '{}') INTO losers
    FROM (
        SELECT e.member, e.originator_id, min(e.version) AS first_version, max(e.version) AS last_version,
            count(*) AS number, count(DISTINCT e.version) AS distinct_versions
        FROM unnest(members, originator_ids, versions) AS e (member, originator_id, version)
        GROUP BY e.member, e.originator_id
    ) AS new_events
    CROSS JOIN LATERAL (
        SELECT max(s.originator_version) AS version
        FROM stored_events s
        WHERE s.originator_id = new_events.originator_id
    ) AS last_event
    WHERE new_events.first_version <> coalesce(last_event.version, 0) + 1
       OR new_events.last_version - new_events.first_version + 1 <> new_events.number
       OR new_events.distinct_versions <> new_events.number;

    IF cardinality(evidence_members) > 0 THEN
        INSERT INTO evidence (digest, kind, body)
        SELECT DISTINCT ON (v.digest) v.digest, v.kind, v.body
        FROM unnest(evidence_members, evidence_digests, evidence_kinds, evidence_bodies)
            AS v (member, digest, kind, body)
        WHERE NOT v.member = ANY (losers)
        ON CONFLICT (digest) DO NOTHING;
    END IF;

    WITH asked AS (
        SELECT e.*
        FROM unnest(members, originator_ids, versions, topics, states)
            WITH ORDINALITY AS e (member, originator_id, version, topic, state, nth)
        WHERE NOT e.member = ANY (losers)
    ), numbered AS (
        INSERT INTO stored_events (originator_id, originator_version, topic, state)
        SELECT a.originator_id, a.version, a.topic, a.state FROM asked a ORDER BY a.nth
        RETURNING originator_id, originator_version, notification_id
    )
    SELECT array_agg(coalesce(n.notification_id, 0) ORDER BY e.nth) INTO positions
    FROM unnest(members) WITH ORDINALITY AS e (member, nth)
    LEFT JOIN asked a ON a.nth = e.nth
    LEFT JOIN numbered n ON n.originator_id = a.originator_id AND n.originator_version = a.version;

    PERFORM pg_notify('stored_events', '');
    RETURN coalesce(positions, '{}');
END;
$$;
