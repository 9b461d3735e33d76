-- The request also hides the merchant's text of the payment. It may come after the payer was forgotten: then the row is
-- incomplete again, until the event TextHidden is in the log.
ALTER TABLE forgettings ADD COLUMN with_text boolean NOT NULL DEFAULT false;

-- The disk had no room to remove the old versions of sealed rows from the files; `extrato seal-log` tries again.
ALTER TABLE log_sealing ADD COLUMN has_old_rows boolean NOT NULL DEFAULT false;
