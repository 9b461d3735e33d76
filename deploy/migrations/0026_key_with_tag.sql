-- The first tag of a payment's payer is in the row of the key: most payments have one, and one row costs less than two. Further
-- tags, and those of older versions, are in person_tags. It is deleted with the key.
ALTER TABLE payment_keys ADD COLUMN tag bytea;

-- Every creation writes the index, and only a search for a person reads it. So it has a Bloom filter for each 32 pages, which
-- hold about 1,600 keys: a B-tree of random tags would cost as much as the row.
-- The migration is coordinated: no process writes meanwhile.
-- squawk-ignore require-concurrent-index-creation
CREATE INDEX payment_keys_by_tag ON payment_keys
    USING brin (tag bytea_bloom_ops (n_distinct_per_range = 2000)) WITH (pages_per_range = 32, autosummarize = on);

SELECT pg_catalog.pg_advisory_xact_lock(7301984003);
-- squawk-ignore ban-drop-function
DROP FUNCTION append_events(
    integer[], uuid[], bigint[], text[], bytea[], integer[], bytea[], text[], bytea[], bigint[],
    integer[], bigint[], bytea[], integer[], bigint[], bytea[]
);

-- Appends a batch in one round trip (see 0008), with evidence, and with new keys and tags of payments. A key of a payment
-- that has one, or a tag of a payment without a key, is left out: the caller has then encrypted with a key that nothing can
-- read. The tag of a new key may be NULL.
CREATE FUNCTION append_events(
    members              integer[],
    originator_ids       uuid[],
    versions             bigint[],
    topics               text[],
    states               bytea[],
    evidence_members     integer[],
    evidence_digests     bytea[],
    evidence_kinds       text[],
    evidence_bodies      bytea[],
    evidence_payment_ids bigint[],
    key_members          integer[],
    key_payment_ids      bigint[],
    sealed_keys          bytea[],
    key_tags             bytea[],
    tag_members          integer[],
    tag_payment_ids      bigint[],
    new_tags             bytea[]
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
        SELECT e.member, e.originator_id, e.version,
            row_number() OVER (PARTITION BY e.member, e.originator_id ORDER BY e.version) AS nth
        FROM unnest(members, originator_ids, versions) AS e (member, originator_id, version)
    ) AS new_events
    WHERE new_events.version <> new_events.nth + coalesce((
        SELECT max(s.originator_version) FROM stored_events s WHERE s.originator_id = new_events.originator_id
    ), 0);

    IF cardinality(key_members) > 0 THEN
        INSERT INTO payment_keys (payment_id, sealed, tag)
        SELECT k.payment_id, k.sealed, k.tag
        FROM unnest(key_members, key_payment_ids, sealed_keys, key_tags) AS k (member, payment_id, sealed, tag)
        WHERE NOT k.member = ANY (losers)
        ON CONFLICT (payment_id) DO NOTHING;
    END IF;

    IF cardinality(tag_members) > 0 THEN
        -- The lock lets a destruction of the key wait, so that it sees and deletes these tags.
        INSERT INTO person_tags (tag, payment_id)
        SELECT t.tag, t.payment_id
        FROM unnest(tag_members, tag_payment_ids, new_tags) AS t (member, payment_id, tag)
        JOIN (
            SELECT k.payment_id, k.tag FROM payment_keys k
            WHERE k.payment_id = ANY (tag_payment_ids) AND k.sealed IS NOT NULL
            FOR SHARE
        ) AS usable ON usable.payment_id = t.payment_id AND usable.tag IS DISTINCT FROM t.tag
        WHERE NOT t.member = ANY (losers)
        ON CONFLICT (tag, payment_id) DO NOTHING;
    END IF;

    IF cardinality(evidence_members) > 0 THEN
        INSERT INTO evidence (digest, kind, body, payment_id, sealed_by)
        SELECT DISTINCT ON (v.digest) v.digest, v.kind, v.body, v.payment_id, 'payment'
        FROM unnest(evidence_members, evidence_digests, evidence_kinds, evidence_bodies, evidence_payment_ids)
            AS v (member, digest, kind, body, payment_id)
        WHERE NOT v.member = ANY (losers)
        ON CONFLICT (digest) DO NOTHING;
    END IF;

    WITH stored AS (
        INSERT INTO stored_events (originator_id, originator_version, topic, state)
        SELECT e.originator_id, e.version, e.topic, e.state
        FROM unnest(members, originator_ids, versions, topics, states)
            WITH ORDINALITY AS e (member, originator_id, version, topic, state, nth)
        WHERE NOT e.member = ANY (losers)
        ORDER BY e.nth
        RETURNING notification_id
    )
    -- The sequence numbered them in the order of the arrays.
    SELECT array_agg(stored.notification_id ORDER BY stored.notification_id) INTO positions FROM stored;

    IF cardinality(losers) > 0 THEN
        SELECT array_agg(CASE WHEN e.member = ANY (losers) THEN 0 ELSE positions[e.rank] END ORDER BY e.nth)
        INTO positions
        FROM (
            SELECT a.member, a.nth, count(*) FILTER (WHERE NOT a.member = ANY (losers)) OVER (ORDER BY a.nth) AS rank
            FROM unnest(members) WITH ORDINALITY AS a (member, nth)
        ) AS e;
    END IF;

    PERFORM pg_notify('stored_events', '');
    RETURN coalesce(positions, '{}');
END;
$$;
