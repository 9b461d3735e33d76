-- Each gateway writes its row to check that PostgreSQL accepts writes. Other gateways delete the rows of ended processes.
CREATE TABLE readiness (
    process    uuid        PRIMARY KEY,
    written_at timestamptz NOT NULL
);
