"""What the daemons print about themselves = databases = OpenAPI = topics = protobuf = docs.

Each daemon prints the tables it runs from; nothing here is copied by hand. A daemon that is not built is
skipped by name, so that a hole shows.
"""
import json
import os
import re
import subprocess
import sys
import urllib.request
from pathlib import Path

import jsonschema
import psycopg
import pytest
from nxt.home import SERVICES

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tests/golden"))
import contract  # noqa: E402

SHARED = Path(os.environ.get("NXT_SHARED") or ROOT.parent / "shared")
BIN = Path(os.environ.get("NXT_BIN", "."))
each_service = pytest.mark.parametrize("service", SERVICES)

# Flags of a column as --resources prints them; libcommon/resource.h owns the numbers.
READONLY, REQUIRED, CREATE_ONLY, OWNER, SECRET = 1 << 1, 1 << 2, 1 << 3, 1 << 4, 1 << 8
TYPES = {"uuid": {"uuid"}, "text": {"text"}, "enum": {"text"}, "int": {"integer", "smallint", "bigint"},
         "money": {"bigint"}, "bool": {"boolean"}, "time": {"timestamp with time zone"}, "date": {"date"},
         "json": {"jsonb"}, "text_array": {"ARRAY"}, "decimal": {"numeric"}, "email": {"text"},
         "phone": {"text"}, "url": {"text"}}


def printed(service, table):
    """The lines of one table as dicts by its header."""
    if not (BIN / f"nxt-{service}").exists():
        pytest.skip(f"nxt-{service} is not built")
    out = subprocess.run([BIN / f"nxt-{service}", f"--{table}"], capture_output=True, text=True, check=True)
    header, *lines = out.stdout.splitlines()
    names = header.removeprefix("# ").split("\t")
    return [dict(zip(names, line.split("\t") + [""] * len(names))) for line in lines]


def resources(service):
    """{table: {column: its line}}"""
    tables = {}
    for line in printed(service, "resources"):
        tables.setdefault(line["table"], {})[line["column"]] = {**line, "flags": int(line["flags"] or "0", 16)}
    return tables


def document(service):
    if not (BIN / f"nxt-{service}").exists():
        pytest.skip(f"nxt-{service} is not built")
    return json.loads(subprocess.run([BIN / f"nxt-{service}", "--openapi"], capture_output=True, text=True,
                                     check=True).stdout)


def rows(service, statement, *values):
    name = f"NXT_DB_{service.upper()}"
    if name not in os.environ:
        pytest.skip(f"{name} is not set")
    with psycopg.connect(os.environ[name]) as connection:
        return connection.execute(statement, values).fetchall()


def get(service, path):
    name = f"NXT_{service.upper()}_OPS_URL"
    if name not in os.environ or not (BIN / f"nxt-{service}").exists():
        pytest.skip(f"nxt-{service} does not run")
    with urllib.request.urlopen(os.environ[name] + path) as answer:
        return answer.read().decode()


# ---- transitions ----

@each_service
def test_transitions_are_the_databases_guards(service):
    declared = {}
    for t in printed(service, "transitions"):
        declared.setdefault((t["table"], t["column"]), set()).add(f"{t['from']}>{t['to']}")
    guarded = {}
    for table, arguments in rows(service, """
            SELECT c.relname, g.tgargs FROM pg_trigger g JOIN pg_class c ON c.oid = g.tgrelid
            JOIN pg_proc p ON p.oid = g.tgfoid
            WHERE p.proname = 'status_guard' AND NOT c.relispartition AND g.tgparentid = 0"""):
        column, *pairs = arguments.decode().rstrip("\0").split("\0")
        guarded[table, column] = set(pairs)
    for key in sorted(declared.keys() | guarded.keys()):
        assert declared.get(key) == guarded.get(key), f"{key[0]}.{key[1]}"


# What staff may do to what is their own, though its owner may not as such.
DECIDES_NOTHING = {
    ("kb_articles", "unpublish"): "an author takes back what another has published",
    ("email_logs", "bounce"): "notes what a mail server said",
}


@each_service
def test_nobody_decides_what_is_their_own(service):
    """A verb of staff alone is closed to the row's owner, whatever permissions he holds."""
    for t in printed(service, "transitions"):
        who = t["who"].split(" or ")
        is_staffs = bool(t["verb"]) and any("." in w for w in who) and "owner" not in who
        if is_staffs and (t["table"], t["verb"]) not in DECIDES_NOTHING:
            assert "not the owner" in t["who"], f"{t['table']}: {t['verb']}"


@each_service
def test_a_transitions_event_is_one_the_service_publishes(service):
    out = {e["type"] for e in printed(service, "events") if e["direction"] == "out"}
    for t in printed(service, "transitions"):
        assert not t["event"] or t["event"] in out, t


@each_service
def test_every_callers_verb_is_a_route_and_every_verb_route_a_transition(service):
    routes = {(r["method"], r["path"]) for r in printed(service, "routes")}
    paths = {table: next(iter(columns.values()))["path"] for table, columns in resources(service).items()}
    inside = {"system", "clock", "system or clock"}
    for t in printed(service, "transitions"):
        if t["verb"] and t["who"] not in inside:
            assert ("POST", f"{paths[t['table']]}/{{id}}/{t['verb']}") in routes, t


# ---- tables and columns ----

@each_service
def test_every_table_of_the_target_is_a_resource(service):
    text = SHARED / "spec/target_schema.md"
    if not text.exists():
        pytest.skip(f"{text} is not beside this checkout")
    target = set(re.findall(r"^### (\w+)", text.read_text(), re.M))
    have = {t for t, in rows(service, "SELECT relname FROM pg_class WHERE relkind IN ('r', 'p') AND NOT relispartition"
                                      " AND relnamespace = 'public'::regnamespace")}
    assert have & target <= set(resources(service))


@each_service
def test_declared_columns_are_the_tables_columns(service):
    live = {}
    for table, column, kind, nullable in rows(service, """
            SELECT table_name, column_name, data_type, is_nullable = 'YES' FROM information_schema.columns
            WHERE table_schema = 'public'"""):
        live.setdefault(table, {})[column] = kind, nullable
    for table, columns in resources(service).items():
        assert table in live, f"{table} is declared and not there"
        for name, line in columns.items():
            assert name in live[table], f"{table}.{name} is declared and not there"
            kind, nullable = live[table][name]
            assert kind in TYPES[line["type"]] or line["flags"] & SECRET, f"{table}.{name}: {line['type']} over {kind}"
            assert not (line["flags"] & REQUIRED and nullable), f"{table}.{name} is required and may be NULL"


@each_service
def test_every_column_of_the_target_is_declared(service):
    text = SHARED / "spec/target_schema.md"
    if not text.exists():
        pytest.skip(f"{text} is not beside this checkout")
    target = {}
    for part in re.split(r"^### ", text.read_text(), flags=re.M)[1:]:
        table = re.match(r"\w+", part).group(0)
        target[table] = [c for c in re.findall(r"^\| (\w+) +\|", part.split("---\n##")[0], re.M) if c != "Column"]
    declared = resources(service)
    for table in declared.keys() & target.keys():
        missing = [c for c in target[table] if c not in declared[table]]
        assert not missing, f"{table}: {missing}"


@each_service
def test_value_lists_are_the_checks_in_the_database(service):
    checks = {}
    for table, column, text in rows(service, """
            SELECT c.relname, a.attname, pg_get_constraintdef(k.oid) FROM pg_constraint k
            JOIN pg_class c ON c.oid = k.conrelid
            JOIN pg_attribute a ON a.attrelid = c.oid AND k.conkey = ARRAY[a.attnum]
            WHERE k.contype = 'c' AND NOT c.relispartition AND c.relnamespace = 'public'::regnamespace"""):
        # A list of values and nothing else; other checks are rules that the service words itself.
        if re.fullmatch(r"CHECK \(\(\w+ = (ANY \(ARRAY\[.*\]\)|'[^']*'::text)\)\)", text):
            checks[table, column] = set(re.findall(r"'([^']*)'::text", text))
    for table, columns in resources(service).items():
        for name, line in columns.items():
            if line["type"] == "enum" and (table, name) in checks:
                assert set(line["values"].split(",")) == checks[table, name], f"{table}.{name}"
            elif (table, name) in checks:
                assert line["flags"] & READONLY or line["type"] == "enum", f"{table}.{name} has a list and is no enum"


@each_service
def test_references_are_foreign_keys(service):
    keys = {}
    for table, column, other in rows(service, """
            SELECT c.relname, a.attname, f.relname FROM pg_constraint k JOIN pg_class c ON c.oid = k.conrelid
            JOIN pg_class f ON f.oid = k.confrelid
            JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum = ANY (k.conkey)
            WHERE k.contype = 'f' AND NOT c.relispartition"""):
        keys.setdefault((table, column), set()).add(other)
    for table, columns in resources(service).items():
        for name, line in columns.items():
            if line["ref"]:
                assert line["ref"] in keys.get((table, name), set()), f"{table}.{name} -> {line['ref']}"


# ---- routes, permissions, documents ----

@each_service
def test_openapi_lists_exactly_the_routes(service):
    declared = {(r["method"].lower(), r["path"]): r for r in printed(service, "routes")}
    documented = {(m, p): o for p, methods in document(service)["paths"].items() for m, o in methods.items()}
    assert declared.keys() == documented.keys()
    for key, route in declared.items():
        assert route["who"] in documented[key]["description"], key
        anyone = route["who"].startswith("anyone")
        assert anyone == (documented[key].get("security") in ([], [{}], [{"bearer": []}, {}], [{}, {"bearer": []}])), key


@each_service
def test_openapi_is_what_the_daemon_serves(service):
    if f"NXT_{service.upper()}_URL" not in os.environ or not (BIN / f"nxt-{service}").exists():
        pytest.skip(f"nxt-{service} does not run")
    with urllib.request.urlopen(os.environ[f"NXT_{service.upper()}_URL"] + "/openapi.json") as answer:
        assert json.load(answer) == document(service)


@each_service
def test_openapi_names_resolve_and_operations_are_unique(service):
    text = document(service)
    names = set(text["components"]["schemas"])
    assert set(re.findall(r'"#/components/schemas/(\w+)"', json.dumps(text))) <= names
    ids = [o["operationId"] for methods in text["paths"].values() for o in methods.values()]
    assert len(ids) == len(set(ids))


def says_nothing(schema, where):
    """The places below a schema where anything at all would fit and nothing says so."""
    if "$ref" in schema:
        return []
    found = [] if set(schema) & {"type", "allOf", "description"} else [where]
    if schema.get("type") == "array" and "items" not in schema:
        found.append(where)
    for name, part in schema.get("properties", {}).items():
        found += says_nothing(part, f"{where}/{name}")
    for i, part in enumerate(schema.get("allOf", [])):
        found += says_nothing(part, f"{where}/{i}")
    return found + (says_nothing(schema["items"], f"{where}/[]") if "items" in schema else [])


@each_service
def test_openapi_says_what_every_answer_holds(service):
    text, found = document(service), []
    for name, schema in text["components"]["schemas"].items():
        found += says_nothing(schema, name)
        assert schema["properties"], name
    for path, methods in text["paths"].items():
        for method, operation in methods.items():
            for status, response in operation["responses"].items():
                for kind, content in response.get("content", {}).items():
                    schema = content.get("schema", {})
                    found += says_nothing(schema, f"{method} {path} {status}")
                    says = schema.keys() & {"$ref", "allOf", "properties"}
                    # none of the log's rows is one person's own, so that this part is an empty object
                    assert kind != "application/json" or says or path == "/v1/me/export/audit", (method, path)
                assert status in ("204", "304") or response.get("content"), (method, path, status)
    assert not found
    assert text["components"]["schemas"]["problem"]["properties"]["errors"]["items"]["properties"].keys() == {
        "pointer", "code", "detail"}


@each_service
def test_openapi_shapes_are_the_declared_columns(service):
    schemas = document(service)["components"]["schemas"]
    for table, columns in resources(service).items():
        if table not in schemas:
            continue
        shown = {name for name, line in columns.items() if not line["flags"] & SECRET}
        assert set(schemas[table]["properties"]) == shown, table
        if f"{table}_create" in schemas:
            create = schemas[f"{table}_create"]
            needed = {n for n, c in columns.items() if c["flags"] & REQUIRED and n in create["properties"]}
            # A required column with an initial value need not be sent.
            assert set(create.get("required", [])) <= needed, table
            for name in create["properties"]:
                assert not columns[name]["flags"] & (READONLY | OWNER), f"{table}.{name}"


# Left out or sent as null at creation they come about in another way: a default of the table, the next free code.
FILLED = {"employees.employee_code", "pricing_packages.effective_from", "coupons.valid_from", "discount_rules.starts_at",
          "tax_rules.effective_from"}


@each_service
def test_openapi_allows_null_where_the_table_does(service):
    nullable = {(t, c) for t, c in rows(service, "SELECT table_name, column_name FROM information_schema.columns"
                                                 " WHERE table_schema = 'public' AND is_nullable = 'YES'")}
    for name, schema in document(service)["components"]["schemas"].items():
        table = re.sub("_(create|patch)$", "", name)
        for column, said in schema["properties"].items() if table != name else ():
            may = "type" not in said or "null" in said["type"]
            assert may == ((table, column) in nullable) or f"{table}.{column}" in FILLED or "type" not in said, f"{name}.{column}"


@each_service
def test_permissions_are_what_routes_and_transitions_ask_for(service):
    keys = {p["key"] for p in printed(service, "permissions")}
    asked = set()
    for line in printed(service, "routes") + printed(service, "transitions"):
        asked |= set(re.findall(r"\b[a-z][a-z-]*\.[a-z][a-z-]*\b", line["who"]))
    assert keys == asked


def test_permissions_are_in_the_table_and_the_administrator_has_all():
    keys = set()
    for service in SERVICES:
        if (BIN / f"nxt-{service}").exists():
            keys |= {p["key"] for p in printed(service, "permissions")}
    assert {k for k, in rows("identity", "SELECT key FROM permissions")} == keys
    held = rows("identity", "SELECT p.permission_key FROM role_permissions p JOIN roles r ON r.id = p.role_id"
                            " WHERE r.key = 'administrator'")
    assert {k for k, in held} == keys


def test_every_service_knows_who_may_what():
    """The projections that every request is judged by equal identity's own tables."""
    owner = {(r, k) for r, k in rows("identity", """
        SELECT r.key, p.permission_key FROM role_permissions p JOIN roles r ON r.id = p.role_id WHERE r.is_active""")}
    for service in SERVICES:
        if not (BIN / f"nxt-{service}").exists():
            continue
        held = {(r, k) for r, keys in rows(service, "SELECT role_key, permissions FROM access_roles WHERE is_active")
                for k in keys}
        assert held == owner, service


# ---- events and topics ----

@each_service
def test_what_is_consumed_is_published_by_somebody(service):
    published = set()
    for other in SERVICES:
        if (BIN / f"nxt-{other}").exists():
            published |= {t["name"] for t in printed(other, "topics")}
        else:
            pytest.skip(f"nxt-{other} is not built")
    for event in printed(service, "events"):
        assert event["direction"] == "out" or event["type"] in published | {"*"}, event


def test_topics_on_the_broker_are_the_declared_ones():
    if "NXT_KAFKA_BROKERS" not in os.environ:
        pytest.skip("NXT_KAFKA_BROKERS is not set")
    from confluent_kafka.admin import AdminClient, ConfigResource, ResourceType
    declared = {t["name"]: t for s in SERVICES if (BIN / f"nxt-{s}").exists() for t in printed(s, "topics")}
    admin = AdminClient({"bootstrap.servers": os.environ["NXT_KAFKA_BROKERS"]})
    live = {n: t for n, t in admin.list_topics(timeout=20).topics.items() if not n.startswith("__")}
    assert live.keys() == declared.keys()
    for name, topic in declared.items():
        assert len(live[name].partitions) == int(topic["partitions"]), name
    asked = [ConfigResource(ResourceType.TOPIC, n) for n in declared]
    for resource, answer in admin.describe_configs(asked).items():
        config, topic = answer.result(timeout=20), declared[resource.name]
        assert config["retention.ms"].value == topic["retention_ms"], resource.name
        assert config["cleanup.policy"].value == topic["cleanup"], resource.name
        assert config["message.timestamp.type"].value == "LogAppendTime", resource.name


def test_every_topic_has_one_publisher():
    seen = {}
    for service in SERVICES:
        if (BIN / f"nxt-{service}").exists():
            for topic in printed(service, "topics"):
                assert topic["name"] not in seen, f"{topic['name']}: {seen.get(topic['name'])} and {service}"
                seen[topic["name"]] = service


def test_published_types_are_the_protocols_messages():
    messages = contract.load_messages(contract.descriptor_set())
    for service in SERVICES:
        if not (BIN / f"nxt-{service}").exists():
            continue
        for event in printed(service, "events"):
            if event["direction"] == "out":
                assert contract.message_name(event["type"]) in messages, event


# ---- options, settings, metrics, errors ----

@each_service
def test_options_have_three_spellings_and_a_meaning(service):
    options = printed(service, "options")
    assert [o["name"] for o in options] == sorted(o["name"] for o in options)
    for option in options:
        assert option["environment"] == f"NXT_{option['name']}"
        assert option["flag"] == "--" + option["name"].lower().replace("_", "-")
        assert option["meaning"], option


@each_service
def test_config_shows_every_option_and_no_secret(service):
    shown = json.loads(get(service, "/config"))
    options = {o["name"]: o for o in printed(service, "options")}
    assert {n for n in shown if n in options} == set(options)
    for name, option in options.items():
        if option["type"] == "secret":
            assert shown[name] in ("(unset)", "(set)"), name


def test_settings_are_unique_and_their_initial_value_fits():
    seen = {}
    for service in SERVICES:
        if not (BIN / f"nxt-{service}").exists():
            continue
        for setting in printed(service, "settings"):
            assert seen.setdefault(setting["key"], service) == service, setting["key"]
            schema = json.loads(setting["schema"])
            jsonschema.Draft202012Validator.check_schema(schema)
            jsonschema.validate(json.loads(setting["initial"]), schema)
            assert setting["note"], setting["key"]


def integers_of(schema):
    """Every part of a schema that stands for an integer."""
    if isinstance(schema, dict):
        if schema.get("type") == "integer":
            yield schema
        for part in schema.values():
            yield from integers_of(part)


@each_service
def test_integers_of_settings_have_both_ends(service):
    """They are multiplied into times and compared with amounts: without an end they could overflow there."""
    for setting in printed(service, "settings"):
        for integer in integers_of(json.loads(setting["schema"])):
            assert {"minimum", "maximum"} <= integer.keys(), setting["key"]
            assert integer["maximum"] <= 2**31 - 1, setting["key"]


@each_service
def test_metrics_served_are_the_metrics_declared(service):
    served = set(re.findall(r"^# TYPE (\w+) \w+$", get(service, "/metrics"), re.M))
    declared = {m["name"] for m in printed(service, "metrics")}
    # process_… are Prometheus' own names for what every program has.
    assert {name for name in served if not name.startswith("process_")} == declared


@each_service
def test_metrics_pass_promtool(service):
    try:
        out = subprocess.run(["promtool", "check", "metrics"], input=get(service, "/metrics"), capture_output=True,
                             text=True)
    except FileNotFoundError:
        pytest.skip("promtool is not installed (Debian: prometheus)")
    assert out.returncode == 0, out.stdout + out.stderr


def test_one_catalogue_of_errors():
    texts = {service: printed(service, "errors") for service in SERVICES if (BIN / f"nxt-{service}").exists()}
    first = next(iter(texts.values()))
    assert all(t == first for t in texts.values())
    for error in first:
        assert error["what to do"], error
    general = [(e["code"], e["status"]) for e in first]
    assert len(general) == len(set(general))


def test_the_catalogue_page_lists_every_code():
    """`type` of every problem points at /errors#<code>."""
    if "NXT_GATEWAY_URL" not in os.environ:
        pytest.skip("nothing runs")
    with urllib.request.urlopen(os.environ["NXT_GATEWAY_URL"] + "/errors") as answer:
        page = answer.read().decode()
    for error in printed("identity", "errors"):
        assert f'id="{error["code"]}"' in page, error["code"]
