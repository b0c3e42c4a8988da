-- migrate:up

-- Of whom every read of the log leaves out what is personal. Added; NULL: of nobody but the erased.
ALTER TABLE user_refs ADD COLUMN erased_at timestamptz;
-- Small, as they are few: each row that is read is looked up here.
CREATE INDEX user_refs_erased_idx ON user_refs (id) WHERE erased_at IS NOT NULL;

UPDATE user_refs u SET erased_at = l.created_at FROM audit_logs l
WHERE l.entity_type = 'user' AND l.entity_id = u.id AND l.metadata_json ->> 'event_type' = 'user.erased';

-- migrate:down

DROP INDEX user_refs_erased_idx;
ALTER TABLE user_refs DROP COLUMN erased_at;
