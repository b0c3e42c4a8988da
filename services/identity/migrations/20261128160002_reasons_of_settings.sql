-- migrate:up

-- Every change says why from now on. What was changed without a word keeps none in its version.
UPDATE runtime_configs SET reason = 'No reason was given.' WHERE reason IS NULL;
ALTER TABLE runtime_configs ALTER COLUMN reason SET NOT NULL;

-- migrate:down

ALTER TABLE runtime_configs ALTER COLUMN reason DROP NOT NULL;
