-- migrate:up

-- From now on a device is known by a random token that it was given at a sign-in. What was there
-- is a hash over what the client says of itself, which a stranger can guess: nobody is known by it.
DELETE FROM user_devices;
COMMENT ON COLUMN user_devices.device_hash IS 'SHA-256 of the token that the device was given';
CREATE INDEX user_devices_last_seen_at_idx ON user_devices (last_seen_at);

-- migrate:down

DROP INDEX user_devices_last_seen_at_idx;
COMMENT ON COLUMN user_devices.device_hash IS NULL;
DELETE FROM user_devices;
