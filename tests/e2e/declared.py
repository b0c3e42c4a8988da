"""What the daemons print of themselves, for tests that are made from it."""
import functools
import json
import os
import re
import subprocess
from pathlib import Path

import jsonschema

from nxt.home import ROOT, SERVICES

# Flags of a column; libcommon/resource.h owns the numbers.
KEY, READONLY, REQUIRED, CREATE_ONLY, OWNER, FILTER, SORT = 1, 2, 4, 8, 16, 32, 64
SECRET, PRIVATE, STAFF_ONLY, STAFF_WRITE, TO_UPPER = 1 << 8, 1 << 9, 1 << 13, 1 << 14, 1 << 15


@functools.cache
def folder():
    if "NXT_BIN" in os.environ:
        return Path(os.environ["NXT_BIN"])
    out = subprocess.run([str(ROOT / "nxt"), "env"], capture_output=True, text=True, check=True).stdout
    return Path(dict(line.split("=", 1) for line in out.splitlines() if "=" in line)["NXT_BIN"])


@functools.cache
def printed(service, table):
    """The lines of one printed table as dicts by its header; nothing for a daemon that is not built."""
    binary = folder() / f"nxt-{service}"
    if not binary.exists():
        return []
    header, *lines = subprocess.run([binary, f"--{table}"], capture_output=True, text=True, check=True).stdout.splitlines()
    names = header.removeprefix("# ").split("\t")
    return [dict(zip(names, line.split("\t") + [""] * len(names))) for line in lines]


@functools.cache
def document(service):
    return json.loads(subprocess.run([folder() / f"nxt-{service}", "--openapi"], capture_output=True, text=True, check=True).stdout)


@functools.cache
def answers():
    """{(method, segments of the path): [(pattern, {status: its validator, None where no JSON is documented})]}"""
    found = {}
    for service in SERVICES:
        components = document(service)["components"]
        for path, methods in sorted(document(service)["paths"].items(), key=lambda p: p[0].count("{")):
            for method, operation in methods.items():
                statuses = {}
                for status, response in operation["responses"].items():
                    schema = response.get("content", {}).get("application/json", {}).get("schema")
                    statuses[status] = schema and jsonschema.Draft202012Validator({**schema, "components": components})
                pattern = re.compile(re.sub(r"\\{\w+\\}", "[^/]+", re.escape(path)))
                found.setdefault((method, path.count("/")), []).append((pattern, statuses))
    return found


fitted = set()      # (validator, bytes) that were looked at before: who waits for something gets the same many times


def check_answer(method, path, status, body, content):
    """A 2xx is one that the document names for this operation, and its body fits; of a list the first three items."""
    path = path.split("?")[0]
    for pattern, statuses in answers().get((method.lower(), path.count("/")), ()):
        if not pattern.fullmatch(path):
            continue
        assert str(status) in statuses, f"{method} {path} answered {status}, which is not documented"
        validator = statuses[str(status)]
        if validator is not None and body is not None and (id(validator), content) not in fitted:
            short = {**body, "items": body["items"][:3]} if isinstance(body.get("items"), list) else body
            validator.validate(short)
            fitted.add((id(validator), content))
        return


class Resource:
    """One declared table: its columns, its path, who may do what by which method."""

    def __init__(self, service, table, lines):
        self.service, self.table, self.path = service, table, lines[0]["path"]
        self.columns = {line["column"]: {**line, "flags": int(line["flags"] or "0", 16)} for line in lines}
        self.who = {(r["method"], r["path"]): r["who"] for r in printed(service, "routes")}

    def __repr__(self):
        return self.table

    def may(self, method, suffix=""):
        """The words of the access rule, None where there is no such route."""
        return self.who.get((method, self.path + suffix))

    def schema(self, shape=""):
        """The documented schema with its parts, as jsonschema takes it; None where there is none."""
        schemas = document(self.service)["components"]["schemas"]
        name = f"{self.table}{shape}"
        return {"$ref": f"#/components/schemas/{name}", "components": {"schemas": schemas}} if name in schemas else None

    def body(self, shape):
        """The documented body of create or patch: {"properties", "required"}."""
        return document(self.service)["components"]["schemas"].get(f"{self.table}_{shape}")

    def with_flag(self, flag):
        return [name for name, c in self.columns.items() if c["flags"] & flag]


@functools.cache
def resources():
    found = []
    for service in SERVICES:
        tables = {}
        for line in printed(service, "resources"):
            tables.setdefault(line["table"], []).append(line)
        found += [Resource(service, table, lines) for table, lines in tables.items()]
    return tuple(found)


def resource(table):
    return next(r for r in resources() if r.table == table)
