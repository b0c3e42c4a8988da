-- migrate:up

-- What a sign-in said of itself before its second factor was asked for, and how often that was wrong.
ALTER TABLE auth_challenges
	ADD COLUMN client text CHECK (client IN ('UI', 'API')),
	ADD COLUMN device text,
	ADD COLUMN failures integer NOT NULL DEFAULT 0;
COMMENT ON COLUMN auth_challenges.challenge IS 'SHA-256 of what the caller was given';
CREATE UNIQUE INDEX auth_challenges_challenge_idx ON auth_challenges (challenge);

-- migrate:down

DROP INDEX auth_challenges_challenge_idx;
COMMENT ON COLUMN auth_challenges.challenge IS NULL;
ALTER TABLE auth_challenges DROP COLUMN failures, DROP COLUMN device, DROP COLUMN client;
