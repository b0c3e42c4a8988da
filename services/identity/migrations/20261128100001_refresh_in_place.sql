-- migrate:up

-- A refresh rewrites the token that it replaces, which grows by its successor's box, and its session.
-- No index holds what changes there: with room in the page no index is touched either.
ALTER TABLE refresh_tokens SET (fillfactor = 60);
ALTER TABLE user_sessions SET (fillfactor = 70);

-- migrate:down

ALTER TABLE user_sessions RESET (fillfactor);
ALTER TABLE refresh_tokens RESET (fillfactor);
