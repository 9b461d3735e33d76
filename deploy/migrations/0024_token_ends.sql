-- When the access token of an account ends, if the merchant or the operator stated it. The column is not encrypted, so
-- that a query finds the earliest end of 10,000 accounts without the vault's key.
ALTER TABLE credentials ADD COLUMN token_expires_at timestamptz;
CREATE INDEX credentials_by_token_end ON credentials (provider, token_expires_at) WHERE token_expires_at IS NOT NULL;
