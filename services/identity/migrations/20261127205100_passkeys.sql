-- migrate:up

-- Passkeys become rows like all others: they have a version, and say when they changed.
ALTER TABLE user_passkeys
	ADD COLUMN updated_at timestamptz NOT NULL DEFAULT now(),
	ADD COLUMN version bigint NOT NULL DEFAULT 1;
COMMENT ON COLUMN user_passkeys.sign_count IS 'the highest that the authenticator sent; 0: it does not count';

-- migrate:down

COMMENT ON COLUMN user_passkeys.sign_count IS NULL;
ALTER TABLE user_passkeys DROP COLUMN version, DROP COLUMN updated_at;
