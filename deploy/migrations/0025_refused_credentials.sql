-- When the provider last refused the credential of an account. The account's sweeps are then not late: its merchant must
-- store another credential. Another process may have asked, so this cannot be in the memory of one.
ALTER TABLE credentials ADD COLUMN refused_at timestamptz;
