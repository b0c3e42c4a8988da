"""A person's own data of all services in one download, which is the gateway's."""
import uuid

from client import Person
from nxt.home import SERVICES

COMMAND = '<!--# include virtual="/healthz" -->'


def test_an_export_is_one_download(env, anyone):
    """The parts of all services beside each other; what stands in them is text, whatever it looks like."""
    person = Person(env).register().sign_in()
    person.patch("/v1/me", {"display_name": COMMAND}, expect=200)
    whole = person.get("/v1/me/export", expect=200, headers={"Range": "bytes=0-9"})
    assert set(whole.json) == set(SERVICES) and whole.headers["Content-Disposition"].startswith("attachment")
    assert whole["identity"]["users"][0]["display_name"] == COMMAND
    for service in SERVICES:
        assert set(whole[service]) == set(person.get(f"/v1/me/export/{service}", expect=200).json)
    anyone.get("/v1/me/export", expect=401).says("unauthenticated")
    anyone.get("/v1/me/export", expect=401, token="x.y.z").says("bad_token")
    person.post("/v1/me/export", raw=b"", expect=405).says("method_not_allowed")
    person.get("/v1/me/export", raw=b"{}", expect=400).says("bad_request")


def test_an_export_leaves_nothing_out(env, sql):
    """Page after page to the end, the newest rows too, whatever a table holds of one person."""
    person, many = Person(env).register().sign_in(), 2345
    sql("notify", "INSERT INTO notifications (id, user_id, channel, title, body, status, source_event_id)"
        " SELECT gen_random_uuid(), %s, 'PUSH', 'N', 'Number ' || n, 'SENT', gen_random_uuid()"
        " FROM generate_series(1, %s) n", person.id, many)
    last = f"ffffffff-ffff-{str(uuid.uuid4())[14:]}"
    sql("notify", "INSERT INTO notifications (id, user_id, channel, title, body, status, source_event_id)"
        " VALUES (%s, %s, 'PUSH', 'N', 'The last', 'SENT', %s)", last, person.id, last)
    for path, part in (("/v1/me/export/notify", lambda a: a), ("/v1/me/export", lambda a: a["notify"])):
        mine = [n for n in part(person.get(path, expect=200).json)["notifications"] if n["title"] == "N"]
        assert len({n["id"] for n in mine}) == len(mine) == many + 1
        assert mine[-1]["body"] == "The last"
