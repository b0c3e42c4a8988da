-- migrate:up

-- A list of one type, newest first, is read from the index in the order in which it is shown.
CREATE INDEX pricing_packages_package_type_idx ON pricing_packages (package_type, created_at, id);

-- migrate:down

DROP INDEX pricing_packages_package_type_idx;
