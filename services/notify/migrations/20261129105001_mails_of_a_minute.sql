-- migrate:up

-- A server's cap asks before each mail how many it has sent within a minute.
DROP INDEX email_logs_smtp_config_id_idx;
CREATE INDEX email_logs_smtp_config_id_idx ON email_logs (smtp_config_id, sent_at);

-- migrate:down

DROP INDEX email_logs_smtp_config_id_idx;
CREATE INDEX email_logs_smtp_config_id_idx ON email_logs (smtp_config_id);
