-- How far the monitor has come with asking once about payments that an older version left with an alert.
CREATE TABLE second_looks (
    name    text   PRIMARY KEY,
    reached bigint NOT NULL,
    last    bigint NOT NULL
);
COMMENT ON TABLE second_looks IS 'Payments from the one after reached to last are still to be asked about.';
