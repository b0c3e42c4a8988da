"""Every declared resource by the conventions of the API: made from what the daemons print, so a new table is tested too."""
import datetime
import uuid
from urllib.parse import quote

import jsonschema
import pytest
from client import NOWHERE, Api, eventually
from declared import (CREATE_ONLY, FILTER, KEY, OWNER, PRIVATE, READONLY, REQUIRED, SECRET, SORT, STAFF_ONLY, TO_UPPER,
                      document, resources)

RESOURCES = resources()
FORMATS = jsonschema.FormatChecker(["date"])


@FORMATS.checks("uuid")
def is_uuid(text):
    return not isinstance(text, str) or str(uuid.UUID(text)) == text


@FORMATS.checks("date-time", raises=ValueError)
def is_time(text):
    return not isinstance(text, str) or (text.endswith("Z") and datetime.datetime.fromisoformat(text) is not None)


def each(condition=lambda r: True):
    chosen = [r for r in RESOURCES if condition(r)]
    return pytest.mark.parametrize("resource", chosen, ids=repr)


listed = each(lambda r: r.may("GET"))
created = each(lambda r: r.may("POST") and r.body("create"))


@pytest.fixture(scope="module")
def staff(cast):
    cast.admin.sign_in()
    return cast.admin


def fits(resource, item):
    jsonschema.validate(item, resource.schema(), format_checker=FORMATS)


# ---- reading ----

@listed
def test_list_conforms(resource, staff, bodies):
    bodies.row(resource)
    page = staff.get(f"{resource.path}?limit=20", expect=200)
    assert set(page.json) == {"items", "next_cursor"}
    for item in page.items:
        fits(resource, item)
        assert not [c for c in resource.with_flag(SECRET) if c in item]
    # The default order: newest first.
    ids = [i["id"] for i in page.items]
    assert len(set(ids)) == len(ids)


@listed
def test_list_is_for_those_who_may(resource, anyone, cast, staff):
    who = resource.may("GET")
    if who.startswith("anyone"):
        anyone.get(resource.path, expect=200)
    else:
        anyone.get(resource.path, expect=401).says("unauthenticated")
    stranger = cast.person
    if "anyone" not in who and "signed in" not in who and "owner" not in who:
        stranger.get(resource.path, expect=403).says("forbidden")
        return
    for item in stranger.get(f"{resource.path}?limit=200", expect=200).items:
        for name in resource.with_flag(STAFF_ONLY):
            assert name not in item, f"{name} is for staff"
        owner = next((n for n in resource.with_flag(OWNER)), None)
        if owner and item[owner] != stranger.id:
            assert "anyone" in who or "signed in" in who, f"somebody else's row: {item}"
            for name in resource.with_flag(PRIVATE):
                assert item.get(name) is None, f"{name} is private"


@listed
def test_list_sorts(resource, staff, bodies):
    bodies.row(resource)
    for name in resource.with_flag(SORT):
        for way in ("", "-"):
            values = [i[name] for i in staff.get(f"{resource.path}?sort={way}{name}&limit=50", expect=200).items]
            there = [v for v in values if v is not None]
            if resource.columns[name]["type"] in ("time", "int", "money", "date", "uuid"):
                assert there == sorted(there, reverse=bool(way)), f"sort={way}{name}"
    staff.get(f"{resource.path}?sort=unheard_of", expect=400).says("unknown_parameter", "sort")
    for name in set(resource.columns) - set(resource.with_flag(SORT | KEY)):
        staff.get(f"{resource.path}?sort={name}", expect=400).says("unknown_parameter", "sort")


def changed(resource, staff, item, name):
    """Whether a row has another value by now: a mail that was waiting is sent, for example."""
    return staff.get(f"{resource.path}?id={item['id']}", expect=200).items[0][name] != item[name]


@listed
def test_list_filters(resource, staff, bodies):
    row = bodies.row(resource)
    if row is None:
        pytest.skip(f"no row of {resource.table} can be made here")
    _, item = row
    item = staff.get(f"{resource.path}?id={item['id']}", expect=200).items[0] if "id" in resource.columns else item
    for name in resource.with_flag(FILTER):
        value = item.get(name)
        if value is None or isinstance(value, dict):
            continue
        text = value[0] if isinstance(value, list) and value else str(value).lower() if isinstance(value, bool) else value
        if text == []:
            continue
        found = staff.get(f"{resource.path}?{name}={quote(str(text))}&limit=200", expect=200).items
        for other in found:
            assert (text in other[name]) if isinstance(value, list) else other[name] == value, name
        if name != "id":
            narrowed = staff.get(f"{resource.path}?{name}={quote(str(text))}&id={item['id']}", expect=200).items
            assert [i["id"] for i in narrowed] == [item["id"]] or changed(resource, staff, item, name), name
    for name in set(resource.columns) - set(resource.with_flag(FILTER)):
        staff.get(f"{resource.path}?{name}=1", expect=400).says("unknown_parameter", name)


@listed
def test_list_ranges(resource, staff, bodies):
    row = bodies.row(resource)
    documented = {p["name"] for p in document(resource.service)["paths"][resource.path]["get"]["parameters"]}
    for name in resource.with_flag(FILTER):
        kind = resource.columns[name]["type"]
        if kind == "time":
            stem = name.removesuffix("_at")
            assert {f"{stem}_after", f"{stem}_before"} <= documented
            assert staff.get(f"{resource.path}?{stem}_after=2999-01-01T00:00:00Z", expect=200).items == []
            assert staff.get(f"{resource.path}?{stem}_before=1999-01-01T00:00:00Z", expect=200).items == []
        if kind in ("int", "money"):
            most = 2 ** 31 - 1
            found = staff.get(f"{resource.path}?min_{name}={most}", expect=200).items
            assert all(i[name] >= most for i in found)
            found = staff.get(f"{resource.path}?max_{name}=0&limit=5", expect=200).items
            assert all(i[name] <= 0 for i in found)
            bounds = next(p["schema"] for p in document(resource.service)["paths"][resource.path]["get"]["parameters"]
                          if p["name"] == name)
            for beyond in (bounds["minimum"] - 1, bounds["maximum"] + 1):
                staff.get(f"{resource.path}?{name}={beyond}", expect=400).says("unknown_parameter", name)
    if row and "created_at" in resource.with_flag(FILTER):
        created = row[1]["created_at"]
        ids = [i["id"] for i in staff.get(f"{resource.path}?created_before={created}&limit=200", expect=200).items]
        assert row[1]["id"] not in ids


@listed
def test_list_pages(resource, staff, bodies):
    bodies.row(resource)
    path = f"{resource.path}?limit=2"

    def pages():
        """Two of them and the list they are of, None where a row came meanwhile; what was done above is still told of."""
        before, first = staff.get(f"{resource.path}?limit=4", expect=200), staff.get(path, expect=200)
        if first["next_cursor"] is None:
            return first, first.items, before.items
        second = staff.get(f"{path}&cursor={first['next_cursor']}", expect=200)
        after = staff.get(f"{resource.path}?limit=4", expect=200)
        return (first, first.items + second.items, after.items) if ids(before.items) == ids(after.items) else None

    def ids(items):
        return [i["id"] for i in items]
    first, both, whole = eventually("nothing new for a moment", pages)
    assert ids(both) == ids(whole)[:len(both)]
    if first["next_cursor"] is None:
        return
    staff.get(f"{path}&sort=id&cursor={first['next_cursor']}", expect=400).says("bad_cursor")
    staff.get(f"{path}&cursor={first['next_cursor'][:-1]}", expect=400).says("bad_cursor")


@listed
def test_list_answers_chosen_fields(resource, staff, bodies):
    bodies.row(resource)
    for item in staff.get(f"{resource.path}?fields=id&limit=3", expect=200).items:
        assert set(item) == {"id"}
    for name in ["unheard_of", *resource.with_flag(SECRET)]:
        staff.get(f"{resource.path}?fields=id,{name}", expect=400).says("unknown_parameter", "fields")


@each(lambda r: r.may("GET", "/{id}"))
def test_item(resource, anyone, staff, bodies):
    path = f"{resource.path}/{NOWHERE}"
    staff.get(path, expect=404).says("not_found")
    staff.get(f"{resource.path}/nonsense", expect=(400, 404))
    anyone.get(path, expect=404 if resource.may("GET", "/{id}").startswith("anyone") else 401)
    row = bodies.row(resource)
    if row is None:
        pytest.skip(f"no row of {resource.table} can be made here")
    who, item = row
    got = who.get(f"{resource.path}/{item['id']}", expect=200)
    fits(resource, got.json)
    assert got["id"] == item["id"] and got.etag.startswith('"')
    who.get(f"{resource.path}/{item['id']}", headers={"If-None-Match": got.etag}, expect=304)
    assert set(who.get(f"{resource.path}/{item['id']}?fields=id", expect=200).json) == {"id"}
    who.get(f"{resource.path}/{item['id']}?fields=id,unheard_of", expect=400).says("unknown_parameter", "fields")
    who.get(f"{resource.path}/{item['id']}?unheard_of=1", expect=400).says("unknown_parameter")
    assert who.get(f"{resource.path}/{item['id'].upper()}", expect=200)["id"] == item["id"]


# ---- writing ----

WRONG = {"uuid": 1, "text": 1, "enum": "UNHEARD_OF", "int": "1", "money": 1.5, "bool": "true", "time": "yesterday",
         "date": "2026-02-30", "text_array": "one", "decimal": "much", "email": "nobody", "phone": "call me", "url": 7}


def wrong_fields(resource, shape):
    """{field: a value of the wrong type} for every field of the documented body."""
    return {name: WRONG[resource.columns[name]["type"]] for name in resource.body(shape)["properties"]
            if resource.columns[name]["type"] in WRONG}


def sender(resource, staff, bodies):
    made = bodies.for_table(resource.table)
    return made if made is not None else (staff, {})


@created
def test_create_is_for_those_who_may(resource, anyone, cast, staff, bodies):
    who, body = sender(resource, staff, bodies)
    anyone.post(resource.path, body, expect=401).says("unauthenticated")
    rule = resource.may("POST")
    if "signed in" not in rule and "owner" not in rule:
        cast.person.post(resource.path, body, expect=403, key=str(uuid.uuid4())).says("forbidden")


@created
def test_create_names_every_wrong_field(resource, staff, bodies):
    who, body = sender(resource, staff, bodies)
    key = str(uuid.uuid4())
    readonly = {n: None for n in resource.with_flag(READONLY | OWNER)}
    answer = who.post(resource.path, {**body, "unheard_of": 1, **readonly, **wrong_fields(resource, "create")}, key=key,
                      expect=422).says("validation_failed")
    named = {e["pointer"] for e in answer["errors"]}
    wanted = {f"/{n}" for n in ("unheard_of", *readonly, *wrong_fields(resource, "create"))}
    assert wanted <= named, wanted - named
    never_null = {n for n, p in resource.body("create")["properties"].items() if "null" not in p.get("type", "null")}
    if never_null:
        answer = who.post(resource.path, {**body, **dict.fromkeys(never_null)}, key=key, expect=422)
        assert {f"/{n}" for n in never_null} <= {e["pointer"] for e in answer.says("validation_failed")["errors"]}
    needed = set(resource.body("create").get("required", []))
    answer = who.post(resource.path, {}, key=key, expect=(201, 409, 422) if not needed else 422)
    if needed:
        assert {f"/{n}" for n in needed} <= {e["pointer"] for e in answer.says("validation_failed")["errors"]}


@created
def test_create_names_every_field_too_long(resource, staff, bodies):
    who, body = sender(resource, staff, bodies)
    limits = {n: p["maxLength"] for n, p in resource.body("create")["properties"].items()
              if "maxLength" in p and resource.columns[n]["type"] == "text"}
    if not limits:
        return
    answer = who.post(resource.path, {**body, **{n: "ऐ" * (most + 1) for n, most in limits.items()}},
                      key=str(uuid.uuid4()), expect=422).says("validation_failed")
    assert {f"/{n}" for n in limits} <= {e["pointer"] for e in answer["errors"]}


@each(lambda r: (r.may("POST") and r.body("create")) or r.may("PATCH", "/{id}"))
def test_life_of_a_row(resource, env, cast, staff, bodies):
    who, body = bodies.for_table(resource.table) or (None, None)
    row = who and who.post(resource.path, body, key=str(uuid.uuid4()), expect=(201, 409))
    if row is None or row.status == 409:   # another way leads to it; or one per person, and it was made above
        assert row is None or row.says("already_exists")
        who, item = bodies.row(resource)
        path = f"{resource.path}/{item['id']}"
        row = who.get(path, expect=200)
    else:
        path = f"{resource.path}/{row['id']}"
        assert row.headers["Location"].endswith(path)
        fits(resource, row.json)
        for name, value in body.items():
            shown = row[name]
            same = shown == value or (resource.columns[name]["flags"] & TO_UPPER and shown == value.upper())
            assert same or resource.columns[name]["type"] in ("decimal", "time", "text", "email"), name
        if resource.may("GET", "/{id}"):
            got = who.get(path, expect=200)
            assert got.json == row.json and got.etag == row.etag
    if resource.may("PATCH", "/{id}"):
        row = patched(resource, who, cast.person, path, row)
    if resource.may("DELETE", "/{id}"):
        cast.person.delete(path, etag=row.etag, expect=(403, 404))
        who.delete(path, etag='"987654"', expect=412).says("stale_etag")
        gone = who.delete(path, etag=row.etag, expect=(204, 403, 409))
        if gone.status == 204:
            assert gone.content == b""
            if resource.may("GET", "/{id}"):
                who.get(path, expect=404)
            who.delete(path, etag=row.etag, expect=404)


def patched(resource, who, stranger, path, row):
    """Every refusal of a PATCH, then the same values again (no new version)."""
    stranger.patch(path, {}, etag=row.etag, expect=(403, 404))
    who.patch(path, {}, etag='"987654"', expect=412).says("stale_etag")
    wrong = {"unheard_of": 1, **wrong_fields(resource, "patch")}
    fixed = {n: row.get(n) for n in resource.with_flag(READONLY | OWNER | CREATE_ONLY | KEY) if n in row}
    if resource.table == "reviews":  # one is under review from its first moment on, and nothing sent for it is looked at
        who.patch(path, {**fixed, **wrong}, etag=row.etag, expect=409).says("under_review")
        return row
    answer = who.patch(path, {**fixed, **wrong}, etag=row.etag, expect=422).says("validation_failed")
    named = {e["pointer"] for e in answer["errors"]}
    wanted = {f"/{n}" for n in (*wrong, *fixed)}
    assert wanted <= named, wanted - named
    same = {n: row[n] for n in resource.body("patch")["properties"] if row.get(n) is not None}
    again = who.patch(path, same, etag=row.etag, expect=(200, 403, 409, 422))
    if again.status == 200:
        assert again.etag == row.etag, "what stays the same is no new version"
    row = moved(resource, who, path, again if again.status == 200 else row)
    needed = [n for n in resource.with_flag(REQUIRED) if n in resource.body("patch")["properties"]]
    if needed:
        answer = who.patch(path, {n: None for n in needed}, etag=row.etag, expect=422).says("validation_failed")
        assert {f"/{n}" for n in needed} <= {e["pointer"] for e in answer["errors"]}
    return who.get(path, expect=200)


def moved(resource, who, path, row):
    """One value changes: a new version, and the ETag before it is stale. A rule of the row may stand against it."""
    texts = [n for n, p in resource.body("patch")["properties"].items() if isinstance(row.get(n), str)
             and resource.columns[n]["type"] == "text" and "pattern" not in p]
    for name in texts[:1]:
        wanted = row[name][:30] + " too"
        after = who.patch(path, {name: wanted}, etag=row.etag, expect=(200, 403, 409, 422))
        if after.status == 200:
            assert after[name].lower() == wanted.lower() and after["version"] > row["version"] and after.etag != row.etag
            who.patch(path, {name: row[name]}, etag=row.etag, expect=412).says("stale_etag")
            assert who.get(path, expect=200)[name] == after[name]
            return after
    return row


@listed
def test_every_service_answers_for_itself_as_through_the_gateway(resource, env, staff):
    direct = Api(env, staff.token, env[f"NXT_{resource.service.upper()}_URL"])
    page = direct.get(f"{resource.path}?limit=1", expect=200)
    assert set(page.json) == {"items", "next_cursor"}
