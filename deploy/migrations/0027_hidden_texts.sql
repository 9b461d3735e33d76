-- The request also hides the merchant's text of the payment. It may come after the payer was forgotten: then the row is
-- incomplete again, until the event TextHidden is in the log.
ALTER TABLE forgettings ADD COLUMN with_text boolean NOT NULL DEFAULT false;
