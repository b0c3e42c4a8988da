-- migrate:up

-- What reviewers wrote about a person goes with the person; who decided what, and when, stays. The logs stay
-- insert-only: nxt_runtime may change nothing in them, nor may their owner by hand, and the one thing that
-- can happen is that a text becomes NULL, by erase_remarks alone.
CREATE FUNCTION only_remarks_go() RETURNS trigger
LANGUAGE plpgsql SET search_path = pg_catalog, public, pg_temp AS $$
BEGIN
	IF NEW.remarks IS NULL AND to_jsonb(NEW) - 'remarks' = to_jsonb(OLD) - 'remarks' THEN
		RETURN NEW;
	END IF;
	RAISE EXCEPTION 'table % is insert-only: % refused', TG_TABLE_NAME, TG_OP
		USING ERRCODE = 'NX002', SCHEMA = TG_TABLE_SCHEMA, TABLE = TG_TABLE_NAME;
END
$$;

DROP TRIGGER verification_logs_insert_only ON verification_logs;
CREATE TRIGGER verification_logs_insert_only
	BEFORE DELETE OR TRUNCATE ON verification_logs
	FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
CREATE TRIGGER verification_logs_insert_only_update
	BEFORE UPDATE ON verification_logs
	FOR EACH STATEMENT WHEN (current_setting('nxt.erasing', true) IS DISTINCT FROM 'on')
	EXECUTE FUNCTION refuse_change();
CREATE TRIGGER verification_logs_only_remarks_go
	BEFORE UPDATE ON verification_logs
	FOR EACH ROW EXECUTE FUNCTION only_remarks_go();

DROP TRIGGER approval_logs_insert_only ON approval_logs;
CREATE TRIGGER approval_logs_insert_only
	BEFORE DELETE OR TRUNCATE ON approval_logs
	FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
CREATE TRIGGER approval_logs_insert_only_update
	BEFORE UPDATE ON approval_logs
	FOR EACH STATEMENT WHEN (current_setting('nxt.erasing', true) IS DISTINCT FROM 'on')
	EXECUTE FUNCTION refuse_change();
CREATE TRIGGER approval_logs_only_remarks_go
	BEFORE UPDATE ON approval_logs
	FOR EACH ROW EXECUTE FUNCTION only_remarks_go();

-- Runs as the owner: no grant lets nxt_runtime change a log.
CREATE FUNCTION erase_remarks(person uuid) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
BEGIN
	PERFORM set_config('nxt.erasing', 'on', true);
	UPDATE verification_logs SET remarks = NULL
	WHERE remarks IS NOT NULL AND verification_request_id IN (SELECT r.id FROM verification_requests r
		JOIN user_role_profiles p ON p.id = r.user_role_profile_id WHERE p.user_id = person);
	UPDATE approval_logs SET remarks = NULL
	WHERE remarks IS NOT NULL AND approval_request_id IN (SELECT id FROM approval_requests
		WHERE submitted_by_user_id = person);
	PERFORM set_config('nxt.erasing', 'off', true);
END
$$;
REVOKE ALL ON FUNCTION erase_remarks FROM PUBLIC;
GRANT EXECUTE ON FUNCTION erase_remarks TO nxt_runtime;

-- migrate:down

DROP FUNCTION erase_remarks;
DROP TRIGGER approval_logs_only_remarks_go ON approval_logs;
DROP TRIGGER approval_logs_insert_only_update ON approval_logs;
DROP TRIGGER approval_logs_insert_only ON approval_logs;
CREATE TRIGGER approval_logs_insert_only
	BEFORE UPDATE OR DELETE OR TRUNCATE ON approval_logs
	FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
DROP TRIGGER verification_logs_only_remarks_go ON verification_logs;
DROP TRIGGER verification_logs_insert_only_update ON verification_logs;
DROP TRIGGER verification_logs_insert_only ON verification_logs;
CREATE TRIGGER verification_logs_insert_only
	BEFORE UPDATE OR DELETE OR TRUNCATE ON verification_logs
	FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
DROP FUNCTION only_remarks_go;
