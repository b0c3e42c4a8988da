"""`nxt docs`: docs/reference, printed from what the daemons declare.

Nothing there is written by hand. tests/drift/test_docs.py prints the same again and compares.
"""
import subprocess

from nxt import asyncapi
from nxt.home import ROOT, SERVICES, write_whole
from nxt.ui import NxtError

FOLDER = ROOT / "docs/reference"
MARK = "<!-- Printed by ./nxt docs from the daemons' own tables; change those instead. -->"


def printed(folder, service, table):
    """The rows of a daemon's `--table`, split at tabs, without the header line."""
    program = folder / f"nxt-{service}"
    out = subprocess.run([str(program), f"--{table}"], capture_output=True, text=True)
    if out.returncode:
        raise NxtError(f"{program} --{table}: {out.stderr.strip()}")
    return [line.split("\t") for line in out.stdout.splitlines() if not line.startswith("#")]


def markdown(header, rows):
    """A table; what may not stand in a cell is escaped."""
    lines = [[str(c).replace("|", "\\|") for c in row] for row in [header, *rows]]
    lines.insert(1, ["---"] * len(header))
    return "".join(f"| {' | '.join(row)} |\n" for row in lines)


def code(text):
    return f"`{text}`" if text else ""


def page(title, intro, *sections):
    """sections: (heading or None, text)."""
    body = "".join((f"\n## {heading}\n" if heading else "\n") + text for heading, text in sections)
    return f"{MARK}\n# {title}\n\n{intro}\n{body}"


# ---- the pages ----

def routes(folder):
    def section(service):
        return service, markdown(("request", "who may", "what it does"), (
            (code(f"{method} {path}"), who, what) for method, path, who, what in printed(folder, service, "routes")))
    return page("Routes", "Who may: `owner` is whose row it is; a word with a dot is a permission, held by staff through a "
                "role. Bodies, filters and answers stand in the OpenAPI document, `/openapi.json` of the gateway.",
                *map(section, SERVICES))


def permissions(folder):
    def section(service):
        return service, markdown(("permission", "name"), ((code(k), n) for k, n in printed(folder, service, "permissions")))
    return page("Permissions", "Given to roles in `role_permissions`. A service asks for its own; identity knows all "
                "(`nxt-identity permissions import`).", *map(section, SERVICES))


def transitions(folder):
    def rows(service):
        for table, column, start, end, verb, who, event in printed(folder, service, "transitions"):
            yield code(f"{table}.{column}"), start or "–", end, verb or "(birth)", who, code(event)
    return page("Transitions", "Every legal change of a status column; anything else is 409 `illegal_transition`, and "
                "PostgreSQL itself refuses it (`status_guard`). From –: a new row, or NULL before.",
                *((s, markdown(("column", "from", "to", "verb", "who", "event"), rows(s))) for s in SERVICES
                  if printed(folder, s, "transitions")))


def options(folder):
    """Those that all daemons have, once; then each daemon's own."""
    tables = {s: {row[0]: row for row in printed(folder, s, "options")} for s in SERVICES}
    everywhere = {n for n in tables["identity"] if all(n in t for t in tables.values())}

    def rows(service, names):
        for name in names:
            _, env, flag, kind, default, limits, doc = tables[service][name]
            values = {tables[s][name][4]: None for s in SERVICES if name in tables[s]} if name in everywhere else [default]
            yield code(env), code(flag), kind, ", ".join(code(v) for v in values if v), limits, doc
    header = ("environment", "flag", "type", "default", "limits", "meaning")
    own = {s: sorted(set(t) - everywhere) for s, t in tables.items()}
    return page("Options", "Read in this order: flag, environment, the file named by `NXT_…_FILE`, the environment with the "
                "service's name in it (`NXT_IDENTITY_DATABASE_URL`: one environment for all six), default. Read once at "
                "start. Several defaults stand for the services in the order identity, profiles, finance, marketplace, "
                "notify, audit.",
                ("All daemons", markdown(header, rows("identity", sorted(everywhere)))),
                *((s, markdown(header, rows(s, own[s]))) for s in SERVICES if own[s]))


def settings(folder):
    def rows(service):
        for key, _, initial, schema, doc in printed(folder, service, "settings"):
            yield code(key), code(initial), code(schema), doc
    return page("Runtime configuration", "Values in identity's `runtime_configs`, changed by "
                "`/v1/runtime-configs`, pushed to the services by `config.changed` and in force within "
                "seconds. Until then, and where identity says nothing, the initial value counts.",
                *((s, markdown(("key", "initial", "JSON Schema", "meaning"), rows(s))) for s in SERVICES
                  if printed(folder, s, "settings")))


def contract(folder):
    return {s: {table: printed(folder, s, table) for table in ("events", "topics")} for s in SERVICES}


def events(folder):
    types = asyncapi.event_types(contract(folder))
    everywhere = {kind for kind, about in types.items() if len(about["readers"]) == len(SERVICES)}

    def rows(publisher):
        for kind, about in types.items():
            by = about["publishers"][0] if len(about["publishers"]) == 1 else None
            if by == publisher:
                readers = "every service" if kind in everywhere else ", ".join(about["readers"])
                kept = f"{about['hours'] // 24} days" if about["hours"] >= 48 else f"{about['hours']} h"
                yield code(kind), code(asyncapi.message_name(kind)), readers, kept, about["doc"]
    header = ("topic", "message", "read by", "kept", "what happened")
    return page("Events", "The topic is the event's type; the messages stand in `proto/nxtgauge/events/v1`; the whole "
                "contract is [asyncapi.yaml](asyncapi.yaml). audit reads every topic and is not repeated.",
                *((f"from {p}" if p else "from any service", markdown(header, rows(p))) for p in (*SERVICES, None)))


def errors(folder):
    return page("Errors", "Every answer that is no 2xx is `application/problem+json` with one of these in `code`. "
                "Retriable: the same request may succeed later.",
                (None, markdown(("code", "status", "retriable", "what to do"),
                                ((code(c), s, r, d) for c, s, r, d in printed(folder, "identity", "errors")))))


def metrics(folder):
    return page("Metrics", "At `/metrics` of the operations port, Prometheus text. All daemons have all of them; what "
                "does not concern a service stays 0.",
                (None, markdown(("name", "type", "meaning"),
                                ((code(n), t, d) for n, t, d in printed(folder, "identity", "metrics")))))


PAGES = {"routes.md": routes, "permissions.md": permissions, "transitions.md": transitions, "options.md": options,
         "settings.md": settings, "events.md": events, "errors.md": errors, "metrics.md": metrics,
         "asyncapi.yaml": lambda folder: asyncapi.document(contract(folder))}


def write(folder):
    """Prints every page from the binaries in this folder; returns the names of those that changed."""
    changed = []
    for name, make in PAGES.items():
        text, path = make(folder), FOLDER / name
        if not path.exists() or path.read_text() != text:
            write_whole(path, text)
            changed.append(name)
    return changed
