-- migrate:up

-- A number that somebody else holds must not show as taken, so it is kept like any other, as what
-- its account says of itself. One account holds a number: the first that named it.
ALTER TABLE users ADD COLUMN holds_phone boolean NOT NULL DEFAULT false;
UPDATE users SET holds_phone = true WHERE phone IS NOT NULL;
ALTER TABLE users DROP CONSTRAINT users_phone_key;
CREATE UNIQUE INDEX users_phone_key ON users ((CASE WHEN holds_phone THEN phone END));
CREATE INDEX users_phone_idx ON users (phone);

-- The same work for a free number and for one that is held; two who name one at once wait in line.
CREATE FUNCTION users_hold_phone() RETURNS trigger
LANGUAGE plpgsql SET search_path = pg_catalog, public, pg_temp AS $$
BEGIN
	PERFORM pg_advisory_xact_lock(hashtextextended('phone:' || NEW.phone, 0));
	NEW.holds_phone := NEW.phone IS NOT NULL AND NOT EXISTS (
		SELECT FROM users WHERE phone = NEW.phone AND holds_phone AND id <> NEW.id);
	RETURN NEW;
END
$$;
CREATE TRIGGER users_hold_phone
	BEFORE INSERT OR UPDATE OF phone ON users
	FOR EACH ROW EXECUTE FUNCTION users_hold_phone();

-- migrate:down

DROP TRIGGER users_hold_phone ON users;
DROP FUNCTION users_hold_phone();
DROP INDEX users_phone_idx;
DROP INDEX users_phone_key;
UPDATE users SET phone = NULL WHERE NOT holds_phone;
ALTER TABLE users DROP COLUMN holds_phone;
ALTER TABLE users ADD CONSTRAINT users_phone_key UNIQUE (phone);
