-- The key of each payment's personal data, encrypted by the vault. A destroyed key leaves its row without `sealed`: what it
-- encrypted in the log, in evidence and in backups of them can never be read again.
CREATE TABLE payment_keys (
    payment_id   bigint      PRIMARY KEY,
    sealed       bytea,
    made_at      timestamptz NOT NULL DEFAULT now(),
    destroyed_at timestamptz,
    CHECK ((sealed IS NULL) = (destroyed_at IS NOT NULL))
);

CREATE INDEX payment_keys_destroyed ON payment_keys (destroyed_at) WHERE destroyed_at IS NOT NULL;

-- Finds the payments of a person: keyed digests of an e-mail address, a CPF, a CNPJ or a telephone number. They are deleted
-- with the payment's key.
CREATE TABLE person_tags (
    tag        bytea  NOT NULL CHECK (length(tag) = 32),
    payment_id bigint NOT NULL,
    PRIMARY KEY (tag, payment_id)
);

CREATE INDEX person_tags_by_payment ON person_tags (payment_id);

-- `payment_id` is set where the payment's key encrypts the body. `sealed_by` names the kind of key; rows of older versions
-- are not encrypted, and have none.
ALTER TABLE evidence ADD COLUMN payment_id bigint, ADD COLUMN sealed_by text;

-- Appends a batch in one round trip, as the function with nine arguments does (see 0008), and also stores new keys and tags
-- of payments. A key of a payment that has one, or a tag of a payment without a key, is left out: the caller has then
-- encrypted with a key that nothing can read.
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
    tag_members          integer[],
    tag_payment_ids      bigint[],
    new_tags             bytea[]
) RETURNS bigint[]
LANGUAGE plpgsql AS $$
DECLARE
    losers    integer[];
    positions bigint[];
    stored    bigint[] := '{}';
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

    IF cardinality(key_members) > 0 THEN
        WITH new_keys AS (
            INSERT INTO payment_keys (payment_id, sealed)
            SELECT k.payment_id, k.sealed
            FROM unnest(key_members, key_payment_ids, sealed_keys) AS k (member, payment_id, sealed)
            WHERE NOT k.member = ANY (losers)
            ON CONFLICT (payment_id) DO NOTHING
            RETURNING payment_id
        )
        SELECT coalesce(array_agg(n.payment_id), '{}') INTO stored FROM new_keys n;
    END IF;

    IF cardinality(tag_members) > 0 THEN
        -- The lock lets a destruction of the key wait, so that it sees and deletes these tags. Nothing else can see a key
        -- that this statement stores.
        INSERT INTO person_tags (tag, payment_id)
        SELECT t.tag, t.payment_id
        FROM unnest(tag_members, tag_payment_ids, new_tags) AS t (member, payment_id, tag)
        JOIN (
            SELECT unnest(stored) AS payment_id
            UNION ALL
            SELECT locked.payment_id FROM (
                SELECT k.payment_id FROM payment_keys k
                WHERE k.payment_id = ANY (tag_payment_ids) AND NOT k.payment_id = ANY (stored) AND k.sealed IS NOT NULL
                FOR SHARE
            ) AS locked
        ) AS usable ON usable.payment_id = t.payment_id
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
