-- migrate:up

-- What a person leaves behind, and which companies' verification is over, is found without a look at all others.
CREATE INDEX entity_refs_user_id_idx ON entity_refs (user_id) WHERE user_id IS NOT NULL;
CREATE INDEX company_profiles_verified_until_idx ON company_profiles (verified_until)
	WHERE verification_status = 'VERIFIED' AND verified_until IS NOT NULL;

-- migrate:down

DROP INDEX entity_refs_user_id_idx, company_profiles_verified_until_idx;
