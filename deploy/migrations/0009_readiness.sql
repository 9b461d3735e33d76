-- What each gateway writes to find out whether PostgreSQL takes writes: one row a process. Rows of processes that ended
-- are removed by the others.
CREATE TABLE readiness (
    process    uuid        PRIMARY KEY,
    written_at timestamptz NOT NULL
);
