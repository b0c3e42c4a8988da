-- migrate:up

-- The long memory: one row per event, its id the event's own, so that whatever is redelivered is
-- written once. Partitioned by id: a UUIDv7 carries its month. Every index here is paid for by
-- every event of every service, so there are only those that a search cannot do without.
CREATE TABLE audit_logs (
	id uuid PRIMARY KEY,
	actor_user_id uuid REFERENCES user_refs,
	actor_employee_id uuid REFERENCES employee_refs,
	actor_type text NOT NULL CHECK (actor_type IN ('USER', 'EMPLOYEE', 'SYSTEM', 'CRON')),
	action text NOT NULL CHECK (action IN ('CREATE', 'UPDATE', 'DELETE', 'APPROVE', 'REJECT')),
	entity_type text NOT NULL,
	entity_id uuid,
	entity_label text,
	module_key text NOT NULL,		-- users, verification, jobs, leads, finance, and every further module
	source_type text NOT NULL CHECK (source_type IN ('UI', 'API', 'WORKER', 'CRON')),
	source_id uuid,				-- the session, the causing event, or the clock's run
	request_id uuid,
	correlation_id uuid,
	ip_address text,
	user_agent text,
	status text NOT NULL CHECK (status IN ('SUCCESS', 'FAILED')),
	summary text,
	metadata_json jsonb NOT NULL DEFAULT '{}',	-- event_type and what has no column
	created_at timestamptz NOT NULL,	-- when it happened, not when it was written
	-- added: the hash chain, one per Kafka partition number, its head in audit_chain_heads
	chain_partition integer,
	chain_sequence bigint,			-- 1, 2, 3 … per chain_partition
	previous_hash bytea,			-- of the row before; 32 zero bytes at the start
	hash bytea,				-- SHA-256 over previous_hash and this row
	CONSTRAINT audit_logs_hash_whole_check
		CHECK (num_nulls(chain_partition, chain_sequence, previous_hash, hash) IN (0, 4))
) PARTITION BY RANGE (id);
CREATE INDEX audit_logs_entity_id_idx ON audit_logs (entity_type, entity_id, created_at);
CREATE INDEX audit_logs_actor_user_id_idx ON audit_logs (actor_user_id, created_at)
	WHERE actor_user_id IS NOT NULL;
CREATE INDEX audit_logs_correlation_id_idx ON audit_logs (correlation_id)
	WHERE correlation_id IS NOT NULL;

-- The id of a change has the time bits of its event, so both lie in the same month, and a replay
-- makes the same id.
CREATE TABLE audit_log_changes (
	id uuid PRIMARY KEY,
	audit_log_id uuid NOT NULL REFERENCES audit_logs,
	field_name text NOT NULL,
	old_value_text text,
	new_value_text text,
	created_at timestamptz NOT NULL,
	-- added
	field_class text			-- PUBLIC, INTERNAL, PERSONAL: what erasure must blind
) PARTITION BY RANGE (id);
CREATE INDEX audit_log_changes_audit_log_id_idx ON audit_log_changes (audit_log_id);

-- Nothing changes or deletes a row. Row triggers are copied to every partition; the statement
-- triggers also refuse what would touch no row.
CREATE TRIGGER audit_logs_insert_only
	BEFORE UPDATE OR DELETE OR TRUNCATE ON audit_logs
	FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
CREATE TRIGGER audit_logs_insert_only_row
	BEFORE UPDATE OR DELETE ON audit_logs
	FOR EACH ROW EXECUTE FUNCTION refuse_change();
CREATE TRIGGER audit_log_changes_insert_only
	BEFORE UPDATE OR DELETE OR TRUNCATE ON audit_log_changes
	FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
CREATE TRIGGER audit_log_changes_insert_only_row
	BEFORE UPDATE OR DELETE ON audit_log_changes
	FOR EACH ROW EXECUTE FUNCTION refuse_change();

-- No right is granted on a partition: all goes through the parent.
GRANT SELECT, INSERT ON audit_logs, audit_log_changes TO nxt_runtime;

-- Partitions. Retention is the owner's: a month goes by DETACH and DROP of its two partitions,
-- changes first.

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

SELECT audit_make_partitions(2);

-- The foreign key's check looks up a partitioned table. Left to itself PostgreSQL plans that anew
-- for every row; one generic plan, pruned when it runs, inserts changes four times as fast.
DO $$
BEGIN
	EXECUTE format('ALTER DATABASE %I SET plan_cache_mode = force_generic_plan', current_database());
END
$$;

-- migrate:down

DO $$
BEGIN
	EXECUTE format('ALTER DATABASE %I RESET plan_cache_mode', current_database());
END
$$;
-- The partitions go with their parents.
DROP TABLE audit_log_changes;
DROP TABLE audit_logs;
DROP FUNCTION audit_make_partitions(integer);
DROP FUNCTION audit_make_partition(text, date);
DROP FUNCTION audit_month_floor(date);
