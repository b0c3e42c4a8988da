"""The event contract as a foreign program sees it: proto/ compiled by protoc and read by Python's
own protobuf, beside the table of event types."""
import json
import re
import subprocess
import tempfile
from pathlib import Path

from google.protobuf import descriptor_pb2, descriptor_pool, json_format, message_factory

ROOT = Path(__file__).resolve().parents[2]
PROTO = ROOT / "proto"
PACKAGE = "nxtgauge.events.v1"
ENTRY = re.compile(
    r"EVENT_TYPE\((?P<symbol>\w+), \"(?P<type>[^\"]+)\",\s+(?P<message>\w+), \"(?P<service>\w+)\",\s+"
    r"\"(?P<noun>\w+)\", (?P<key>\"\w+\"|NULL),\s+(?P<action>\w+), (?P<status>\w+), \"(?P<module>\w+)\", (?P<hours>\d+),\s+"
    r"\"(?P<doc>.*)\"\)")


def event_table():
    """{event type: its entry in event_types.def as a dict of strings}, in the file's order."""
    text = (ROOT / "libcommon/event_types.def").read_text()
    table = {entry["type"]: entry.groupdict() for entry in ENTRY.finditer(text)}
    if len(table) != text.count("\nEVENT_TYPE("):
        raise ValueError("event_types.def has an entry that this reader does not understand")
    return table


def message_name(event):
    """job.submitted -> JobSubmitted, the rule for every event type."""
    return "".join(word.capitalize() for word in re.split(r"[._]", event))


def descriptor_set():
    """Everything under proto/ with what it imports, as protoc describes it."""
    with tempfile.NamedTemporaryFile(suffix=".binpb") as out:
        files = sorted(str(p.relative_to(PROTO)) for p in PROTO.rglob("*.proto"))
        subprocess.run(["protoc", f"-I{PROTO}", "--include_imports", "--include_source_info",
                        f"--descriptor_set_out={out.name}", *files], check=True)
        return descriptor_pb2.FileDescriptorSet.FromString(Path(out.name).read_bytes())


def field_comments(files):
    """{(message, field): its comment} of all messages of the package."""
    comments = {}
    for file in (file for file in files.file if file.package == PACKAGE):
        for place in file.source_code_info.location:
            if len(place.path) == 4 and (place.path[0], place.path[2]) == (4, 2):  # message, field
                message = file.message_type[place.path[1]]
                comments[message.name, message.field[place.path[3]].name] = (
                    place.leading_comments + place.trailing_comments)
    return comments


def load_messages(files):
    """{short name: message class} of all messages of the package."""
    pool = descriptor_pool.DescriptorPool()
    for file in files.file:
        pool.Add(file)
    return {name.rsplit(".", 1)[1]: message_factory.GetMessageClass(pool.FindMessageTypeByName(name))
            for file in files.file if file.package == PACKAGE
            for name in (f"{PACKAGE}.{message.name}" for message in file.message_type)}


def is_repeated(field):
    """Across releases of protobuf: newer ones deprecate field.label."""
    repeated = getattr(field, "is_repeated", None)
    return field.label == field.LABEL_REPEATED if repeated is None else repeated


def to_json(message):
    """The protobuf JSON form under the proto names, one field a line."""
    value = json_format.MessageToDict(message, preserving_proto_field_name=True)
    return json.dumps(value, indent=1, ensure_ascii=False, sort_keys=True) + "\n"
