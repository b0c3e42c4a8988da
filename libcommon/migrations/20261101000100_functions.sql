-- migrate:up

-- What every other migration of every service leans on: the group role that holds the daemons'
-- rights, the guard of status columns, and the guard of insert-only tables.
--
-- Roles: nxt_<service>_owner owns the database and runs these files; nxt_<service> runs the daemon
-- and is a member of nxt_runtime, which is granted each right by name beside each table. Nothing is
-- granted by default, so that a new table is closed until somebody has thought about it.

DO $$
BEGIN
	IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = 'nxt_runtime') THEN
		RAISE EXCEPTION 'role nxt_runtime does not exist'
			USING HINT = 'Create it once per PostgreSQL server: CREATE ROLE nxt_runtime NOLOGIN; '
				'then GRANT nxt_runtime TO the runtime role of each service.';
	END IF;
END
$$;

-- The daemons read the schema's version to know whether it fits them (readyz).
GRANT SELECT ON schema_migrations TO nxt_runtime;

-- Refuses every change of a status column that its trigger does not list.
-- Arguments: the column, then each legal pair 'FROM>TO'; '>TO' is a birth, by INSERT or from NULL.
-- A value that stays the same passes, and so does an INSERT with NULL.
-- Refusal: SQLSTATE NX001, with table and column in their own error fields, the pair as detail.
CREATE FUNCTION status_guard() RETURNS trigger
LANGUAGE plpgsql SET search_path = pg_catalog, public, pg_temp AS $$
DECLARE
	was text;
	becomes text;
BEGIN
	-- NEW.status is many times cheaper than turning a wide row into jsonb.
	IF TG_ARGV[0] = 'status' THEN
		becomes := NEW.status;
		IF TG_OP = 'UPDATE' THEN
			was := OLD.status;
		END IF;
	ELSE
		becomes := to_jsonb(NEW) ->> TG_ARGV[0];
		IF TG_OP = 'UPDATE' THEN
			was := to_jsonb(OLD) ->> TG_ARGV[0];
		END IF;
	END IF;
	IF was IS NOT DISTINCT FROM becomes
			OR coalesce(was, '') || '>' || coalesce(becomes, '') = ANY (TG_ARGV) THEN
		RETURN NEW;
	END IF;
	RAISE EXCEPTION '%.% may not go from % to %', TG_TABLE_NAME, TG_ARGV[0],
			coalesce(was, '(null)'), coalesce(becomes, '(null)')
		USING ERRCODE = 'NX001', SCHEMA = TG_TABLE_SCHEMA, TABLE = TG_TABLE_NAME,
			COLUMN = TG_ARGV[0], DETAIL = coalesce(was, '') || '>' || coalesce(becomes, '');
END
$$;

-- Stops UPDATE, DELETE and TRUNCATE of an insert-only table, for its owner too.
-- Refusal: SQLSTATE NX002.
CREATE FUNCTION refuse_change() RETURNS trigger
LANGUAGE plpgsql SET search_path = pg_catalog, public, pg_temp AS $$
BEGIN
	RAISE EXCEPTION 'table % is insert-only: % refused', TG_TABLE_NAME, TG_OP
		USING ERRCODE = 'NX002', SCHEMA = TG_TABLE_SCHEMA, TABLE = TG_TABLE_NAME;
END
$$;

-- migrate:down

DROP FUNCTION refuse_change();
DROP FUNCTION status_guard();
REVOKE SELECT ON schema_migrations FROM nxt_runtime;
