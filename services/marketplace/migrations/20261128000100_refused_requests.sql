-- migrate:up

-- A request that was refused for want of coins makes way for the next of the same profile.
GRANT DELETE ON lead_requests TO nxt_runtime;

-- migrate:down

REVOKE DELETE ON lead_requests FROM nxt_runtime;
