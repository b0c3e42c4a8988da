"""The documents say what is so: the printed reference is fresh, and what is named exists.

In the hand-written ones every word in backticks is looked up: a file, a route, an option, a word of ./nxt, an
event, or a name that stands in the sources.
"""
import functools
import json
import os
import re
import subprocess
import sys
from pathlib import Path

import jsonschema
import pytest

from nxt import asyncapi, cli, docs, packages, testing
from nxt.home import ROOT, SERVICES

sys.path.insert(0, str(ROOT / "tests/golden"))
import contract  # noqa: E402

BIN = Path(os.environ.get("NXT_BIN", "."))
WRITTEN = [p.relative_to(ROOT) for p in sorted([
    ROOT / "README.md", ROOT / "HACKING.md", ROOT / "proto/README.md", *(ROOT / "docs").glob("*.md"),
    *(ROOT / "docs/security").glob("*.md"), *(ROOT / "services").glob("*/README.md")])]
CANVASES = [f"services/{s}/README.md" for s in SERVICES]
each_document = pytest.mark.parametrize("path", WRITTEN, ids=str)
each_service = pytest.mark.parametrize("service", SERVICES)
SOURCES = ("*.c", "*.h", "*.def", "*.sql", "*.proto", "*.py", "*.txt", "*.cmake", "*.in", "*.tsv", "*.json", "*.xml",
           "*.yaml", "nxt", ".clang-tidy", ".clang-format")


@pytest.fixture(scope="module", autouse=True)
def all_daemons():
    missing = [s for s in SERVICES if not (BIN / f"nxt-{s}").exists()]
    if missing:
        pytest.skip(f"not built: {', '.join(missing)}")


# ---- what is printed ----

@pytest.mark.parametrize("name", docs.PAGES)
def test_the_reference_is_what_the_daemons_print(name):
    assert (docs.FOLDER / name).read_text() == docs.PAGES[name](BIN), "run ./nxt docs"


def test_the_reference_has_no_stranger():
    assert {p.name for p in docs.FOLDER.iterdir()} == set(docs.PAGES)


def test_the_events_are_a_valid_asyncapi_document():
    folder = packages.npm("test").parent / "@asyncapi/specs/schemas"
    document = asyncapi.tree(docs.contract(BIN))
    validator = jsonschema.Draft7Validator(json.loads((folder / f"{document['asyncapi']}.json").read_text()))
    assert [f"{'/'.join(map(str, e.path))}: {e.message[:300]}" for e in validator.iter_errors(document)] == []
    for reference in set(re.findall(r'"\$ref": "#/([^"]+)"', json.dumps(document))):
        found = document
        for word in reference.split("/"):
            assert word in found, reference
            found = found[word]


def test_its_schemas_are_the_messages():
    schemas, messages = asyncapi.schemas(), contract.load_messages(contract.descriptor_set())
    assert {n for n, s in schemas.items() if "properties" in s} == set(messages)
    for name, message in messages.items():
        fields = {f.name: f.number for f in message.DESCRIPTOR.fields}
        assert {n: s["x-field"] for n, s in schemas[name]["properties"].items()} == fields, name


# ---- what is written ----

def text_of(path):
    return (ROOT / path).read_text()


def spans(path):
    """What stands between backticks, blocks left out."""
    text = re.sub(r"^```.*?^```", "", text_of(path), flags=re.M | re.S)
    return re.findall(r"`([^`\n]+)`", text)


@functools.cache
def names():
    """Every name that stands somewhere in the sources, the documents not counted."""
    files = subprocess.run(["git", "-C", str(ROOT), "ls-files", "-co", "--exclude-standard", *SOURCES],
                           capture_output=True, text=True, check=True).stdout.split("\n")
    found = set()
    for file in files:
        if file and (ROOT / file).is_file() and not file.startswith("docs/") and not file.endswith("-lock.json"):
            found.update(re.findall(r"[A-Za-z_]\w+", (ROOT / file).read_text(errors="ignore")))
    return found


@functools.cache
def routes():
    return {tuple(r[:2]) for s in SERVICES for r in docs.printed(BIN, s, "routes")}


@functools.cache
def event_types():
    return {kind for s in SERVICES for direction, kind, *_ in docs.printed(BIN, s, "events") if direction == "out"}


@functools.cache
def help_of(program):
    return subprocess.run([str(BIN / program), "--help"], capture_output=True, text=True, check=True).stdout


def flat(path):
    """A route's path with its variables nameless, its query left out."""
    return re.sub(r"\{\w+\}", "{}", path.split("?")[0])


def is_route(method, path):
    return any(m == method and flat(p) == flat(path) for m, p in routes())


def route_shorthand(before, span):
    """`/close` behind `POST /v1/jobs/{id}/submit`: as many words are replaced as it has."""
    method, path = before
    words = span.strip("/").split("/")
    return method, "/".join(path.split("/")[:-len(words)] + words)


def wrong_routes(path):
    before, wrong = None, []
    for span in spans(path):
        if match := re.fullmatch(r"(GET|POST|PATCH|DELETE) (/\S+)", span):
            before = match.groups()
            if "…" not in span and not is_route(*before):
                wrong.append(span)
        elif re.fullmatch(r"(/[a-z-]+)+", span) and before and path.name == "README.md" and path.parts[0] == "services":
            before = route_shorthand(before, span)
            if not is_route(*before):
                wrong.append(f"{span} ({' '.join(before)})")
    return wrong


@each_document
def test_named_routes_exist(path):
    assert wrong_routes(path) == []


def is_file(path, span):
    """From the root, from the document, or by its mere name where such files lie."""
    places = [".", path.parent, "libcommon", "services/*", "tests/drift", "tests/e2e", "tools/nxt", "proto/nxtgauge/events/v1"]
    return any(any(ROOT.glob(f"{place}/{span}")) for place in places)


@each_document
def test_named_files_exist(path):
    assert [s for s in spans(path) if re.fullmatch(r"[\w.*-][\w./*-]*\.(c|h|py|def|proto|sql|md|txt|json|xml|toml|yaml|in)", s)
            and not is_file(path, s)] == []


def words_of_nxt():
    actions = cli.parser()._subparsers._group_actions[0]
    # ./nxt hands their words on.
    texts = {name: "".join(p.read_text() for p in (ROOT / f"tests/{name}").glob("*.py")) for name in ("bench", "chaos")}
    own = {name: set(re.findall(r'add_argument\("(--[a-z-]+)"', text)) for name, text in texts.items()}
    return {name: {o for a in p._actions for o in a.option_strings} | own.get(name, set())
            for name, p in actions.choices.items()}


def wrong_command(span):
    """What is wrong with a command line of ours; None where nothing is, or where it is none."""
    if match := re.match(r"(?:NXT_\w+=\S+ )*\./nxt ([a-z]+)(.*)", span):
        known = words_of_nxt()
        if match[1] not in known:
            return f"./nxt has no {match[1]}"
        unknown = set(re.findall(r" (--[a-z-]+)", match[2].split(" gdb ")[0])) - known[match[1]]
        parts = match[2].split() if match[1] == "test" else []
        unknown |= {p for p in parts if re.fullmatch("[a-z]+", p) and p not in testing.PARTS}
        return f"{span}: {unknown}" if unknown else None
    if match := re.match(r"(nxtctl|nxt-(?:%s)) ([a-z]+(?: [a-z]+)?)" % "|".join(SERVICES), span):
        first = match[2].split()[0]
        return None if re.search(rf"\b{re.escape(match[2])}\b|^ +(nxtctl )?{first}( <|\b.*\n)", help_of(match[1]), re.M) else span
    return None


@each_document
def test_named_commands_exist(path):
    block = [line.strip().removeprefix("$ ") for line in re.findall(r"^(?:\$|    nxtctl) .+$", text_of(path), re.M)]
    assert [w for s in [*spans(path), *block] if (w := wrong_command(s))] == []


@functools.cache
def environment():
    options = {row[1] for s in SERVICES for row in docs.printed(BIN, s, "options")}
    return options | {n for n in names() if n.startswith("NXT_")}


@each_document
def test_named_variables_are_read_somewhere(path):
    found = set(re.findall(r"\bNXT_[A-Z][A-Z_]*[A-Z]\b", text_of(path)))
    assert found - environment() - {"NXT_SECRET"} == set()


IDENTIFIER = re.compile(r"(?:struct )?([A-Za-z_]\w*_\w+|[A-Z]{2,}_\w+)(\(\))?")


@each_document
def test_named_identifiers_stand_in_the_sources(path):
    """Names with an underscore, and calls: functions, columns, tables, macros, metrics."""
    for span in spans(path):
        match = IDENTIFIER.fullmatch(span) or re.fullmatch(r"()?(\w+)\(\)", span)
        if match:
            name = (match[1] or span).removesuffix("()")
            known = name in names() or name in environment() or re.fullmatch(rf"nxt_({'|'.join(SERVICES)})(_owner)?", name)
            assert known, f"{path}: `{span}` is nowhere in the sources"


def fitting(token, kinds):
    """The event types that `job.*` or `job.submitted` means."""
    return {k for k in kinds if k == token or (token.endswith(".*") and k.split(".")[0] == token[:-2])}


@each_document
def test_named_events_exist(path):
    nouns = {k.split(".")[0] for k in event_types()}
    for span in spans(path):
        if re.fullmatch(r"[a-z_]+\.([a-z_]+|\*)", span) and span.split(".")[0] in nouns:
            known = fitting(span, event_types()) or span.split(".")[1] in names() and span.split(".")[0] + "s" in names() \
                or span.rsplit(".", 1)[1] in ("c", "h", "email", "push", "proto")
            assert known, f"{path}: no event {span}"


def test_asvs_names_tests_that_exist():
    path = Path("docs/security/asvs.md")
    defined = set(re.findall(r"^def (test_\w+)", "".join(
        f.read_text() for f in (ROOT / "tests").rglob("test_*.py")), flags=re.M))
    named = {s for s in spans(path) if s.startswith("test_")}
    assert len(named) > 40 and named <= defined, named - defined


@each_document
def test_links_lead_somewhere(path):
    def anchors(file):
        return {re.sub(r"[^\w -]", "", h.lower()).replace(" ", "-") for h in re.findall(r"^#+ (.+)$", file.read_text(), re.M)}
    for target in re.findall(r"\]\(([^)#]*)(?:#([^)]+))?\)", text_of(path)):
        if target[0].startswith("http"):
            continue
        file = ROOT / path.parent / target[0] if target[0] else ROOT / path
        assert file.exists(), f"{path}: {target[0]}"
        assert not target[1] or target[1] in anchors(file), f"{path}: #{target[1]}"


def test_the_readme_is_short():
    assert len(text_of("README.md").splitlines()) <= 150


def test_every_part_of_the_tests_is_named():
    named = set(re.findall(r"^\| `([\w-]+)` \|", text_of("HACKING.md"), re.M))
    assert set(testing.PARTS) <= named


# ---- the canvases ----

HEADINGS = ["Files", "API", "Rules", "Events out", "Events in", "Clocks, settings, commands", "Tables"]


def canvas(service):
    """{heading: text}"""
    parts = re.split(r"^## (.+)\n", text_of(f"services/{service}/README.md"), flags=re.M)
    return dict(zip(parts[1::2], parts[2::2]))


def ticked(text):
    return set(re.findall(r"`([^`\n]+)`", text))


def listed(text):
    """Words of a plain list: `users, user-settings, …`"""
    return set(re.findall(r"[a-z]\w*(?:[-_]\w+)*", text))


@each_service
def test_canvases_have_the_same_headings_and_fit_a_page(service):
    found = list(canvas(service))
    assert [h for h in found if h != "Not here yet"] == HEADINGS
    assert len(text_of(f"services/{service}/README.md").splitlines()) <= 80


@each_service
def test_a_canvas_names_every_file(service):
    named = {w for span in ticked(canvas(service)["Files"]) for w in span.split()}
    assert {p.name for p in (ROOT / f"services/{service}").glob("*.c")} - {"main.c"} == {n for n in named if n.endswith(".c")}


@each_service
def test_a_canvas_names_every_resource(service):
    paths = {p.split("/")[2] for _, p, *_ in docs.printed(BIN, service, "routes") if p.startswith("/v1/")}
    text = canvas(service)["API"]
    named = listed(text) | {s.split("/")[2] for s in re.findall(r"/v1/[\w-]+", text)}
    assert paths - named == set()
    resources = {row[1].removeprefix("/v1/") for row in docs.printed(BIN, service, "resources")}
    plain = re.search(r"Plain resources[^:]*:(.*?)\.", text, re.S)[1]
    assert {w for w in listed(re.sub(r"\(|\)|\band the ten of the professions\b", ",", plain)) if "-" in w} <= resources


@each_service
def test_a_canvas_names_every_event(service):
    rows = docs.printed(BIN, service, "events")
    everywhere = {"access.denied"}
    out = {k for d, k, *_ in rows if d == "out"} - everywhere
    into = {k for d, k, note in rows if d == "in" and not note.startswith("every service") and k != "*"}
    for heading, kinds in (("Events out", out), ("Events in", into)):
        tokens = {t for t in ticked(canvas(service)[heading]) if re.fullmatch(r"[a-z_]+\.([a-z_]+|\*)", t) and t != "rules.c"}
        if heading == "Events in":  # an effect may name what it causes
            first = "".join(row.split("|")[1] for row in canvas(service)[heading].splitlines() if row.count("|") > 2)
            tokens = {t for t in tokens if f"`{t}`" in first}
        assert {t for t in tokens if not fitting(t, kinds)} == set(), heading
        assert kinds - set().union(*(fitting(t, kinds) for t in tokens), set()) == set(), heading


@each_service
def test_a_canvas_names_clocks_settings_and_options(service):
    named = ticked(canvas(service)["Clocks, settings, commands"])
    main = text_of(f"services/{service}/main.c")
    clocks = re.search(r"struct clock_job clocks\[\] = \{(.*?)\n\};", main, re.S)
    wanted = set(re.findall(r"\{ \"(\w+)\", \d+", clocks[1])) if clocks else set()
    wanted |= {row[0] for row in docs.printed(BIN, service, "settings")}
    common = set.intersection(*({row[1] for row in docs.printed(BIN, s, "options")} for s in SERVICES))
    own = {row[1] for row in docs.printed(BIN, service, "options")} - common
    assert wanted - named == set()
    if service != "identity":  # whose many all stand in docs/reference/options.md
        assert own - named == set()


@each_service
def test_a_canvas_names_every_table(service):
    sql = "".join(p.read_text() for p in (ROOT / f"services/{service}/migrations").glob("*.sql"))
    tables = {t for t in re.findall(r"CREATE TABLE (\w+)", sql) if not t.endswith("_default") and t != "public"}
    text = canvas(service)["Tables"] + canvas(service).get("Not here yet", "")
    assert tables - listed(text) == set()
    named = {w for w in listed(canvas(service)["Tables"]) if "_" in w}
    assert named - tables == set()
