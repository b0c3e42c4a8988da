-- migrate:up

CREATE TABLE departments (
	id uuid PRIMARY KEY,
	name text NOT NULL UNIQUE,
	code text NOT NULL UNIQUE,
	description text,
	department_head text,
	department_email text,
	is_active boolean NOT NULL DEFAULT true,
	visibility text NOT NULL DEFAULT 'INTERNAL' CHECK (visibility IN ('INTERNAL')),
	transfers_enabled boolean NOT NULL DEFAULT true,
	created_at timestamptz NOT NULL DEFAULT now(),
	updated_at timestamptz NOT NULL DEFAULT now(),
	-- added
	version bigint NOT NULL DEFAULT 1
);

CREATE TABLE designations (
	id uuid PRIMARY KEY,
	name text NOT NULL UNIQUE,
	code text NOT NULL UNIQUE,
	department_id uuid REFERENCES departments,
	description text,
	level text,
	can_manage_team boolean NOT NULL DEFAULT false,
	can_approve boolean NOT NULL DEFAULT false,
	is_active boolean NOT NULL DEFAULT true,
	created_at timestamptz NOT NULL DEFAULT now(),
	updated_at timestamptz NOT NULL DEFAULT now(),
	-- added
	version bigint NOT NULL DEFAULT 1
);
CREATE INDEX designations_department_id_idx ON designations (department_id);

-- One employee per user. The first administrator is one before any department exists.
CREATE TABLE employees (
	id uuid PRIMARY KEY,
	user_id uuid NOT NULL UNIQUE REFERENCES users,
	employee_code text NOT NULL UNIQUE,
	department_id uuid REFERENCES departments,
	designation_id uuid REFERENCES designations,
	joining_date date,
	employment_status text NOT NULL DEFAULT 'ACTIVE'
		CHECK (employment_status IN ('ACTIVE', 'INACTIVE', 'TERMINATED')),
	manager_employee_id uuid REFERENCES employees,
	created_at timestamptz NOT NULL DEFAULT now(),
	updated_at timestamptz NOT NULL DEFAULT now(),
	-- added
	version bigint NOT NULL DEFAULT 1,
	CONSTRAINT employees_own_manager_check CHECK (manager_employee_id <> id)
);
CREATE INDEX employees_department_id_idx ON employees (department_id);
CREATE INDEX employees_designation_id_idx ON employees (designation_id);
CREATE INDEX employees_manager_employee_id_idx ON employees (manager_employee_id);
CREATE INDEX employees_created_at_idx ON employees (created_at, id);

CREATE TRIGGER employees_employment_status_guard
	BEFORE INSERT OR UPDATE OF employment_status ON employees
	FOR EACH ROW EXECUTE FUNCTION status_guard('employment_status', '>ACTIVE',
		'ACTIVE>INACTIVE', 'INACTIVE>ACTIVE', 'ACTIVE>TERMINATED', 'INACTIVE>TERMINATED');

GRANT SELECT, INSERT, UPDATE, DELETE ON departments, designations TO nxt_runtime;
GRANT SELECT, INSERT, UPDATE ON employees TO nxt_runtime;

-- migrate:down

DROP TABLE employees;
DROP TABLE designations;
DROP TABLE departments;
