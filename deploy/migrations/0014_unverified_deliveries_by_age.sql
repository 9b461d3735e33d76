-- Finds the deliveries that are deleted after seven days; it leaves verified ones out, so storing one costs the same.
CREATE INDEX webhook_deliveries_unverified_by_age ON webhook_deliveries (received_at) WHERE verdict <> 'verified';
