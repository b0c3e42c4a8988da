-- migrate:up

-- Retention is the owner's: a month goes by DETACH and DROP of its two partitions, changes first.

-- The smallest id a UUIDv7 of that month (UTC) can have.
CREATE FUNCTION audit_month_floor(month date) RETURNS uuid
LANGUAGE sql IMMUTABLE STRICT SET search_path = pg_catalog, public
RETURN rpad(lpad(to_hex((extract(epoch FROM month) * 1000)::bigint), 12, '0'), 32, '0')::uuid;

-- Makes the partition of one month, unless it is there. Returns whether it was made: not, too,
-- where the default partition already holds rows of that month, which then stay there.
CREATE FUNCTION audit_make_partition(parent text, month date) RETURNS boolean
LANGUAGE plpgsql SET search_path = pg_catalog, public, pg_temp AS $$
DECLARE
	partition_name text := parent || to_char(month, '_YYYYMM');
	lower_id uuid := audit_month_floor(month);
	upper_id uuid := audit_month_floor((month + interval '1 month')::date);
	strangers boolean;
BEGIN
	IF to_regclass(format('public.%I', partition_name)) IS NOT NULL THEN
		RETURN false;
	END IF;
	EXECUTE format('SELECT EXISTS (SELECT FROM public.%I WHERE id >= $1 AND id < $2)', parent || '_default')
		INTO strangers USING lower_id, upper_id;
	IF strangers THEN
		RAISE WARNING '% is not made: the default partition holds rows of that month', partition_name;
		RETURN false;
	END IF;
	EXECUTE format('CREATE TABLE public.%I PARTITION OF public.%I FOR VALUES FROM (%L) TO (%L)',
		partition_name, parent, lower_id, upper_id);
	EXECUTE format('CREATE TRIGGER insert_only_truncate BEFORE TRUNCATE ON public.%I '
		'FOR EACH STATEMENT EXECUTE FUNCTION refuse_change()', partition_name);
	RETURN true;
END
$$;

-- Makes the partitions of this month and of so many months after it, in both tables. Returns how
-- many were made. For the daemon, which cannot do DDL itself: called at start and once a day.
-- Waits at most 3 s for the log's writers, then fails and may be tried again.
CREATE FUNCTION audit_make_partitions(months integer) RETURNS integer
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, public, pg_temp SET lock_timeout = '3s' AS $$
DECLARE
	this_month date := date_trunc('month', now() AT TIME ZONE 'UTC');
	month date;
	made integer := 0;
BEGIN
	IF months IS NULL OR months NOT BETWEEN 0 AND 24 THEN
		RAISE EXCEPTION 'months must be 0 to 24' USING ERRCODE = 'invalid_parameter_value';
	END IF;
	PERFORM pg_advisory_xact_lock(hashtext('audit_make_partitions'));
	FOR month IN SELECT (this_month + make_interval(months => n))::date FROM generate_series(0, months) n LOOP
		made := made + audit_make_partition('audit_logs', month)::integer
			+ audit_make_partition('audit_log_changes', month)::integer;
	END LOOP;
	RETURN made;
END
$$;

REVOKE EXECUTE ON FUNCTION audit_make_partition(text, date), audit_make_partitions(integer) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION audit_make_partitions(integer) TO nxt_runtime;

-- Ids that are no UUIDv7, or of a month nobody has made.
CREATE TABLE audit_logs_default PARTITION OF audit_logs DEFAULT;
CREATE TABLE audit_log_changes_default PARTITION OF audit_log_changes DEFAULT;
CREATE TRIGGER insert_only_truncate BEFORE TRUNCATE ON audit_logs_default
	FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
CREATE TRIGGER insert_only_truncate BEFORE TRUNCATE ON audit_log_changes_default
	FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();

SELECT audit_make_partitions(3);

-- migrate:down

-- The partitions go with their parents.
DROP FUNCTION audit_make_partitions(integer);
DROP FUNCTION audit_make_partition(text, date);
DROP FUNCTION audit_month_floor(date);
DO $$
DECLARE
	part regclass;
BEGIN
	FOR part IN SELECT inhrelid::regclass FROM pg_inherits
			WHERE inhparent IN ('audit_logs'::regclass, 'audit_log_changes'::regclass)
			ORDER BY inhparent = 'audit_logs'::regclass LOOP
		EXECUTE format('DROP TABLE %s', part);
	END LOOP;
END
$$;
