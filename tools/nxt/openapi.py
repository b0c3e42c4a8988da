"""The merged OpenAPI document: paths of all daemons, shared components once, and what the gateway adds."""
import copy

from nxt.ui import NxtError

EXPORT = "/v1/me/export"


def merge(documents):
    """Two daemons may declare the same component (Problem, Error) only if they mean the same."""
    whole = {"openapi": "3.1.0", "info": {"title": "Nxtgauge", "version": "0"}, "servers": [{"url": "/"}],
             "paths": {}, "components": {}, "tags": []}
    for document in documents:
        for key, value in document.items():
            if key in ("openapi", "info", "servers"):
                continue
            if key == "tags":
                whole["tags"] += [t for t in value if t not in whole["tags"]]
            elif key in ("paths", "webhooks"):
                _join(whole.setdefault(key, {}), value, key)
            elif key == "components":
                for kind, entries in value.items():
                    _join(whole["components"].setdefault(kind, {}), entries, f"components.{kind}")
            else:
                whole.setdefault(key, value)
        whole["info"]["version"] = document.get("info", {}).get("version", whole["info"]["version"])
    _add_export(whole["paths"])
    return whole


def _add_export(paths):
    """The gateway's own path: the parts of all services as one answer."""
    parts = {path.rsplit("/", 1)[1]: item["get"] for path, item in paths.items() if path.startswith(EXPORT + "/")}
    if not parts:
        return
    one = copy.deepcopy(next(iter(parts.values())))
    one["operationId"] = "get_v1_me_export"
    one["summary"] = "All that every service holds of the caller, in one download; null for a service that is away."
    shape = {service: {"anyOf": [part["responses"]["200"]["content"]["application/json"]["schema"], {"type": "null"}]}
             for service, part in parts.items()}
    one["responses"]["200"]["content"]["application/json"]["schema"] = {
        "type": "object", "required": sorted(shape), "properties": shape}
    paths[EXPORT] = {"get": one}


def _join(into, more, where):
    for name, value in more.items():
        if into.setdefault(name, value) != value:
            raise NxtError(f"two services declare {where}.{name} differently")
