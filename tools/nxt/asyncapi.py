"""The AsyncAPI document of the events, from what the daemons print and from proto/."""
import json
import re

from nxt.home import ROOT
from nxt.ui import NxtError

PROTO = ROOT / "proto/nxtgauge/events/v1"
FIELD = re.compile(r"(repeated )?([\w.]+) (\w+) = (\d+);(?: // (.*))?$")
VALUE = re.compile(r"(\w+) = (\d+);")
SCALARS = {"string": {"type": "string"}, "int64": {"type": "integer", "format": "int64"},
           "int32": {"type": "integer", "format": "int32"}, "bool": {"type": "boolean"},
           "bytes": {"type": "string", "contentEncoding": "base64"},
           "google.protobuf.Timestamp": {"type": "string", "format": "date-time"}}


def message_name(event):
    """job.submitted -> JobSubmitted, the rule for every event type."""
    return "".join(word.capitalize() for word in re.split(r"[._]", event))


# ---- proto/ ----

def schemas():
    """{message or enum: JSON Schema of its JSON form}. Reads the plain subset that proto/README.md allows."""
    found = {}
    for file in sorted(PROTO.glob("*.proto")):
        note, current = [], None
        for number, line in enumerate(file.read_text().splitlines(), 1):
            text = line.strip()
            if text.startswith("//"):
                note.append(text[2:].strip())
                continue
            if begun := re.fullmatch(r"(message|enum) (\w+) \{", text):
                current = found[begun[2]] = {"type": "object", "properties": {}} if begun[1] == "message" \
                    else {"type": "string", "enum": []}
                if note:
                    current["description"] = " ".join(note)
            elif current is not None and text == "}":
                current = None
            elif current is not None and text and not text.startswith("reserved"):
                if not _take(current, text, note):
                    raise NxtError(f"{file.name}:{number} is beyond the subset that events are written in: {text}")
            note = []
    return found


def _take(current, text, note):
    """One line of a message or enum into its schema."""
    if "enum" in current and (value := VALUE.match(text)):
        current["enum"].append(value[1])
        return True
    field = FIELD.fullmatch(text)
    if not field or "properties" not in current:
        return False
    repeated, kind, name, number, comment = field.groups()
    schema = dict(SCALARS.get(kind) or {"$ref": f"#/components/schemas/{kind}"})
    if repeated:
        schema = {"type": "array", "items": schema}
    if words := " ".join([*note, comment or ""]).strip():
        schema["description"] = words
    current["properties"][name] = {**schema, "x-field": int(number)}
    return True


# ---- what the daemons print ----

def event_types(printed):
    """{type: {"publishers", "readers", "doc", "hours"}} from {service: {"events": rows, "topics": rows}}."""
    types = {}
    for service, tables in printed.items():
        for direction, kind, note in tables["events"]:
            if direction == "out":
                types.setdefault(kind, {"publishers": [], "readers": [], "doc": note})["publishers"].append(service)
    for service, tables in printed.items():
        for name, _, retention_ms, _ in tables["topics"]:
            types[name]["hours"] = int(retention_ms) // 3600000
        for kind in dict.fromkeys(kind for direction, kind, _ in tables["events"] if direction == "in" and kind != "*"):
            types[kind]["readers"].append(service)
    return dict(sorted(types.items()))


def _headers():
    text = {"type": "string"}
    return {"type": "object", "description": "CloudEvents 1.0, binary mode for Kafka.", "properties": {
        "ce_specversion": {"const": "1.0"}, "ce_id": {**text, "format": "uuid", "description": "The event's identity for ever."},
        "ce_type": {**text, "description": "The topic."}, "ce_source": {**text, "description": "/nxtgauge/<service>"},
        "ce_subject": {**text, "format": "uuid", "description": "The aggregate's id, also the Kafka key."},
        "ce_time": {**text, "format": "date-time"}, "ce_partitionkey": {**text, "format": "uuid"},
        "ce_dataschema": {**text, "description": "Full name of the message."},
        "content-type": {"const": "application/protobuf"},
        "traceparent": {**text, "description": "W3C trace context."}}}


def tree(printed):
    """The document, from {service: {"events": rows, "topics": rows}}."""
    types, shapes = event_types(printed), schemas()
    reading_all = [s for s, t in printed.items() if any(kind == "*" for _, kind, _ in t["events"])]
    channels, messages, operations = {}, {}, {}
    for kind, about in types.items():
        name = message_name(kind)
        channels[kind] = {"address": kind, "description": about["doc"], "messages": {name: {"$ref": f"#/components/messages/{name}"}},
                          "bindings": {"kafka": {"topicConfiguration": {"cleanup.policy": ["delete"],
                                                                        "retention.ms": about["hours"] * 3600000}}}}
        messages[name] = {"name": kind, "contentType": "application/protobuf", "summary": about["doc"],
                          "headers": {"$ref": "#/components/schemas/CloudEventHeaders"},
                          "payload": {"$ref": f"#/components/schemas/{name}"},
                          "bindings": {"kafka": {"key": {"type": "string", "format": "uuid"}}}}
        for verb, action, services in (("publishes", "send", about["publishers"]),
                                       ("reads", "receive", [*about["readers"], *reading_all])):
            for service in dict.fromkeys(services):
                operations[f"{service}_{verb}_{kind}"] = {"action": action, "channel": {"$ref": f"#/channels/{kind}"},
                                                          "tags": [{"name": service}]}
    return {
        "asyncapi": "3.0.0",
        "info": {"title": "Nxtgauge events", "version": "1", "description":
                 "One topic per event type. Values are protobuf, package nxtgauge.events.v1; the schemas below are the JSON "
                 "form of the messages, as `./nxt events` shows them. x-field is the protobuf field number."},
        "defaultContentType": "application/protobuf",
        "channels": channels, "operations": operations,
        "components": {"messages": messages, "schemas": {"CloudEventHeaders": _headers(), **dict(sorted(shapes.items()))}}}


def document(printed):
    return "# Printed by ./nxt docs from the daemons' own tables and proto/; change those instead.\n" + yaml(tree(printed))


# ---- YAML: what JSON is not nice to read for ----

PLAIN = re.compile(r"[A-Za-z#/_$][\w./#$-]*")
WORDS = {"true", "false", "null", "yes", "no", "on", "off", "y", "n"}


def _scalar(value):
    if isinstance(value, str) and PLAIN.fullmatch(value) and value.lower() not in WORDS and not value.startswith("#"):
        return value
    return json.dumps(value, ensure_ascii=False)  # JSON's scalars are YAML's


def _flow(value):
    if isinstance(value, dict):
        return "{" + ", ".join(f"{_scalar(k)}: {_flow(v)}" for k, v in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(map(_flow, value)) + "]"
    return _scalar(value)


def yaml(value, depth=0):
    """Dicts as blocks; what holds no dict of dicts stays on one line where it is short."""
    text = ""
    for key, item in value.items():
        flow = _flow(item)
        short = not isinstance(item, dict) or not item or (len(flow) <= 150 and depth >= 2)
        text += "  " * depth + _scalar(key) + (f": {flow}\n" if short else ":\n" + yaml(item, depth + 1))
    return text
