-- migrate:up

-- The roles that somebody has at this moment, said once: access tokens, events and dashboards ask here.
CREATE FUNCTION roles_in_force(holder uuid)
RETURNS TABLE (role_id uuid, role_key text, expires_at timestamptz) LANGUAGE sql STABLE AS $$
	SELECT r.id, r.key, ur.expires_at
	FROM user_roles ur JOIN roles r ON r.id = ur.role_id
	WHERE ur.user_id = holder AND ur.status = 'APPROVED' AND r.is_active
		AND (ur.expires_at IS NULL OR ur.expires_at > now())
		AND (r.audience = 'EXTERNAL' OR EXISTS (SELECT FROM employees e
			WHERE e.user_id = holder AND e.employment_status = 'ACTIVE'))
$$;
REVOKE ALL ON FUNCTION roles_in_force FROM PUBLIC;
GRANT EXECUTE ON FUNCTION roles_in_force TO nxt_runtime;

-- As before, but of roles in force alone.
CREATE OR REPLACE FUNCTION dashboard_layers(viewer uuid, kind text)
RETURNS TABLE (dashboard_config_id uuid, layer integer, "position" bigint) LANGUAGE sql STABLE AS $$
	SELECT d.id, l.layer, row_number() OVER (ORDER BY l.layer, d.owner_type, r.key)
	FROM dashboard_configs d LEFT JOIN roles r ON d.owner_type = 'ROLE' AND r.id = d.owner_id,
		LATERAL (SELECT CASE WHEN d.owner_id IS NULL THEN 1 WHEN d.owner_type = 'ROLE' THEN 2 ELSE 3 END AS layer) l
	WHERE d.is_default AND d.is_active AND d.dashboard_type = kind AND CASE l.layer
		WHEN 1 THEN true
		WHEN 2 THEN d.owner_id IN (SELECT role_id FROM roles_in_force(viewer))
		ELSE d.owner_id = viewer END
$$;

-- The default of all is one per type, whatever its owner_type says; the one that was the stronger stays.
UPDATE dashboard_configs d SET is_default = false, version = version + 1
WHERE is_default AND owner_type = 'ROLE' AND owner_id IS NULL AND EXISTS (SELECT FROM dashboard_configs o
	WHERE o.is_default AND o.owner_type = 'USER' AND o.owner_id IS NULL AND o.dashboard_type = d.dashboard_type);
DROP INDEX dashboard_configs_is_default_key;
CREATE UNIQUE INDEX dashboard_configs_is_default_key
	ON dashboard_configs (dashboard_type, owner_id) NULLS NOT DISTINCT WHERE is_default;

-- migrate:down

DROP INDEX dashboard_configs_is_default_key;
CREATE UNIQUE INDEX dashboard_configs_is_default_key
	ON dashboard_configs (dashboard_type, owner_type, owner_id) NULLS NOT DISTINCT WHERE is_default;
CREATE OR REPLACE FUNCTION dashboard_layers(viewer uuid, kind text)
RETURNS TABLE (dashboard_config_id uuid, layer integer, "position" bigint) LANGUAGE sql STABLE AS $$
	SELECT d.id, l.layer, row_number() OVER (ORDER BY l.layer, d.owner_type, r.key)
	FROM dashboard_configs d LEFT JOIN roles r ON d.owner_type = 'ROLE' AND r.id = d.owner_id,
		LATERAL (SELECT CASE WHEN d.owner_id IS NULL THEN 1 WHEN d.owner_type = 'ROLE' THEN 2 ELSE 3 END AS layer) l
	WHERE d.is_default AND d.is_active AND d.dashboard_type = kind AND CASE l.layer
		WHEN 1 THEN true
		WHEN 2 THEN EXISTS (SELECT FROM user_roles ur
			WHERE ur.user_id = viewer AND ur.role_id = d.owner_id AND ur.status = 'APPROVED')
		ELSE d.owner_id = viewer END
$$;
DROP FUNCTION roles_in_force;
