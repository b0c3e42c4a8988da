-- migrate:up

-- The dashboards whose values somebody sees, weakest first: 1 default, 2 role, 3 user (0 is built in).
-- Of several roles the later by key is the stronger, so that the outcome does not depend on chance.
CREATE FUNCTION dashboard_layers(viewer uuid, kind text)
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
REVOKE ALL ON FUNCTION dashboard_layers FROM PUBLIC;
GRANT EXECUTE ON FUNCTION dashboard_layers TO nxt_runtime;

-- migrate:down

DROP FUNCTION dashboard_layers;
