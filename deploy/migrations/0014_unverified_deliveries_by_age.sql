-- Finds deliveries to delete after seven days. Verified ones are not in the index, so that storing them costs no more.
CREATE INDEX webhook_deliveries_unverified_by_age ON webhook_deliveries (received_at) WHERE verdict <> 'verified';
