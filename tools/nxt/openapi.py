"""The merged OpenAPI document: paths of all daemons, shared components once."""
from nxt.ui import NxtError


def merge(documents, url):
    """Two daemons may declare the same component (Problem, Error) only if they mean the same."""
    whole = {"openapi": "3.1.0", "info": {"title": "Nxtgauge", "version": "0"}, "servers": [{"url": url}],
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
    return whole


def _join(into, more, where):
    for name, value in more.items():
        if into.setdefault(name, value) != value:
            raise NxtError(f"two services declare {where}.{name} differently")
