#!/usr/bin/env python3
"""Write tests/golden/events/<type>.bin and .json: one filled message of every event type.

    make.py            write what is missing: a new event type
    make.py --all      write everything anew; only before the first release of a message

The bytes are a promise: what a release has published, later releases must read. So a file that
exists is left alone when its message grows. Every field gets a value of its own, made from its
number and name alone, so that a swapped or lost field shows.
"""
import json
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent))
import contract  # noqa: E402

FIRST_SECOND = 1_790_000_000  # in 2026; no clock is read


def text_value(field, mark):
    """Text as a reader may meet it: Indian scripts and an emoji must come through."""
    if field.name == "id" or field.name.endswith(("_id", "_ids")):
        return "01920000-0000-7000-8000-%012d" % mark
    if field.name.endswith("_json"):
        return json.dumps({field.name: mark})
    return f"{field.name} {mark} – नमस्ते ₹ 🙂"


def scalar_value(field, mark):
    """A value that no other field of the message has, near the ends of its type where it can."""
    if field.type == field.TYPE_STRING:
        return text_value(field, mark)
    if field.type == field.TYPE_INT64:
        return 2**62 + mark if mark % 2 else -mark
    if field.type == field.TYPE_BOOL:
        return True
    if field.type == field.TYPE_BYTES:
        return bytes(range(256))
    if field.type == field.TYPE_ENUM:
        return field.enum_type.values[-1].number
    raise TypeError(f"{field.full_name}: events use no field of this type")


def fill_message(message, descriptor, place):
    """Set every field; place tells two messages of one kind apart."""
    for field in descriptor.fields:
        mark = 1000 * place + field.number
        if contract.is_repeated(field):
            for n in (1, 2):
                add_item(message, field, 10 * place + n)
        elif field.message_type:
            fill_child(getattr(message, field.name), field, mark)
        else:
            setattr(message, field.name, scalar_value(field, mark))


def add_item(message, field, place):
    items = getattr(message, field.name)
    if field.message_type:
        fill_child(items.add(), field, place)
    else:
        items.append(scalar_value(field, 1000 * place + field.number))


def fill_child(child, field, mark):
    if field.message_type.full_name == "google.protobuf.Timestamp":
        child.seconds = FIRST_SECOND + mark
        child.nanos = 999_999_999 - mark  # finer than a double could hold
    else:
        fill_message(child, field.message_type, mark)


def write_golden(folder, event, message_class):
    message = message_class()
    fill_message(message, message_class.DESCRIPTOR, 0)
    (folder / f"{event}.bin").write_bytes(message.SerializeToString(deterministic=True))
    (folder / f"{event}.json").write_text(contract.to_json(message))


def main():
    folder = Path(__file__).resolve().parent / "events"
    folder.mkdir(exist_ok=True)
    messages = contract.load_messages(contract.descriptor_set())
    for event in contract.event_table():
        if "--all" in sys.argv or not (folder / f"{event}.bin").exists():
            write_golden(folder, event, messages[contract.message_name(event)])
            print(event)


if __name__ == "__main__":
    main()
