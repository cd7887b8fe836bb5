-- How many uploads somebody has open is asked whenever they open one more.
CREATE INDEX uploads_by_principal ON uploads (principal);
