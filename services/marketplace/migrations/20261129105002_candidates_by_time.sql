-- migrate:up

-- Each publication of a job looks for a hundred candidates, those that changed last first.
CREATE INDEX candidate_refs_updated_at_idx ON candidate_refs (updated_at) WHERE status = 'ACTIVE';

-- migrate:down

DROP INDEX candidate_refs_updated_at_idx;
