"""Bodies and targets that no honest client sends: each a clear 4xx from every daemon, nothing half done, never a 500."""
import http.client
import json
import uuid
from urllib.parse import urlsplit

import pytest
from client import Answer, Api, catalogue, check_problem
from nxt.home import SERVICES

BODY_LIMIT = 1 << 20


class Target:
    """A POST of one service that reads a body, and the tables that show whether anything was written."""

    def __init__(self, service, path, text, body, tables):
        self.service, self.path, self.body = service, path, body
        self.text = text      # a text field of the body
        self.tables = tables

    def __repr__(self):
        return self.service


TARGETS = [
    Target("identity", "/v1/departments", "description",
           lambda: {"name": f"D {uuid.uuid4().hex}", "code": uuid.uuid4().hex[:12], "description": "x"}, ["departments"]),
    Target("profiles", "/v1/customer-profiles", "display_name", lambda: {"display_name": "x"}, ["customer_profiles"]),
    Target("finance", "/v1/pricing-packages", "description",
           lambda: {"name": f"P {uuid.uuid4().hex}", "description": "x", "package_type": "TRACECOIN_BUNDLE",
                    "price_inr": 100, "tracecoins_included": 1, "validity_days": 30}, ["pricing_packages"]),
    Target("marketplace", "/v1/leads", "title",
           lambda: {"profession_key": "photographer", "title": "x", "description": "y", "location": "Pune",
                    "budget_inr": 100, "required_date": "2099-01-01"}, ["leads"]),
    Target("notify", "/v1/support-tickets", "subject",
           lambda: {"category": "GENERAL", "subject": "x", "description": "y"}, ["support_tickets"]),
]
each_target = pytest.mark.parametrize("target", TARGETS, ids=repr)


def holding(target, value):
    """The right body as bytes, with `value`, raw JSON, as its text field."""
    body = {**target.body(), target.text: "@"}
    return json.dumps(body).encode().replace(b'"@"', value)


def counted(sql, target):
    return [sql(target.service, f"SELECT count(*) AS n FROM {t}")[0]["n"] for t in target.tables]


@pytest.fixture(scope="module")
def senders(env, admin):
    """{service: the administrator at that daemon's own port}"""
    admin.sign_in()
    return {t.service: Api(env, admin.token, env[f"NXT_{t.service.upper()}_URL"]) for t in TARGETS}


BAD_VALUES = {
    "escaped NUL": rb'"a\u0000b"', "raw NUL": b'"a\x00b"', "lone high surrogate": rb'"\ud800"',
    "lone low surrogate": rb'"\udc00"', "surrogates the wrong way round": rb'"\udc00\ud800"',
    "invalid UTF-8": b'"\xff\xfe"', "overlong NUL": b'"\xc0\x80"', "overlong slash": b'"\xe0\x80\xaf"',
    "surrogate in UTF-8": b'"\xed\xa0\x80"', "above U+10FFFF": b'"\xf4\x90\x80\x80"', "cut UTF-8": b'"\xe2\x82"',
    "raw control": b'"a\x01b"', "raw newline": b'"a\nb"', "bad escape": rb'"\x41"', "half an escape": rb'"\u12"',
    "number too large": b"1e999", "number far too small": b"-1e999", "NaN": b"NaN", "Infinity": b"Infinity",
    "thirty digits": b"1" * 30, "ten thousand digits": b"1" * 10000, "leading zero": b"01", "plus": b"+1", "hex": b"0x1f",
    "dot first": b".5", "dot last": b"5.", "single quotes": b"'x'", "no quotes": b"x", "undefined": b"undefined",
    "True": b"True", "nothing": b"", "a comma": b'"x",', "a comment": b'/* x */ "x"',
    "an object": b'{"a":1}', "a list": b'["x"]', "a number": b"7", "true": b"true",
    "an object holding a key twice": b'{"a":1,"a":2}',
    "deep lists": b"[" * 10000 + b"]" * 10000, "deep objects": b'{"a":' * 10000 + b"1" + b"}" * 10000,
    "deep and never closed": b"[" * 100000, "33 levels": b"[" * 33 + b"]" * 33,
}


@each_target
def test_bad_values_are_refused(sql, senders, target):
    before = counted(sql, target)
    for what, value in BAD_VALUES.items():
        answer = senders[target.service].post(target.path, raw=holding(target, value), expect=(400, 422))
        assert answer["code"] in ("bad_json", "validation_failed", "bad_request"), f"{what}: {answer}"
        assert len(answer.content) < 4000, f"{what}: {len(answer.content)} bytes of refusal"
    assert counted(sql, target) == before


BAD_BODIES = {
    "a list": b"[]", "a text": b'"x"', "a number": b"1", "null": b"null", "true": b"true", "white space": b"   ",
    "no JSON": b"hello", "a form": b"name=x&code=y", "XML": b"<?xml version='1.0'?><a/>", "half": b'{"name":',
    "two": b"{}{}", "more behind": b"{}x", "a byte order mark": b"\xef\xbb\xbf{}", "UTF-16": '{"name":"x"}'.encode("utf-16"),
    "comma last": b'{"a":1,}', "no value": b'{"a"}', "number as a key": b"{1:2}", "NUL behind": b"{}\x00",
    "unknown field": b'{"unheard_of":1}', "prototype": b'{"__proto__":{"admin":true}}', "empty key": b'{"":1}',
    "NUL in a key": rb'{"a\u0000b":1}', "surrogate in a key": rb'{"\ud800":1}', "key with a slash": b'{"a/b~c":1}',
}


@each_target
def test_bad_bodies_are_refused(sql, senders, target):
    before = counted(sql, target)
    for what, body in BAD_BODIES.items():
        senders[target.service].post(target.path, raw=body, expect=(400, 422))
    assert counted(sql, target) == before


@each_target
def test_a_key_twice_is_refused(sql, senders, target):
    before = counted(sql, target)
    good = json.dumps(target.body()).encode()
    for twice in (good[:-1] + b',"%s":"z"}' % target.text.encode(),
                  good[:-1] + rb',"\u%04x%s":"z"}' % (ord(target.text[0]), target.text[1:].encode())):
        senders[target.service].post(target.path, raw=twice, expect=400).says("bad_json")
    assert counted(sql, target) == before


@each_target
def test_pointers_name_fields_as_rfc_6901_does(senders, target):
    answer = senders[target.service].post(target.path, {**target.body(), "a/b~c": 1}, expect=422)
    assert "/a~1b~0c" in [e["pointer"] for e in answer["errors"]]


@each_target
def test_very_many_wrong_fields_are_no_flood(senders, target):
    body = {f"unheard_of_{i}": i for i in range(20000)}
    answer = senders[target.service].post(target.path, body, expect=(400, 422))
    assert len(answer.content) < 200000


@each_target
def test_a_good_body_is_taken(sql, senders, target):
    """Else the refusals would prove nothing. 𝕏 and a flag are characters like others."""
    before = counted(sql, target)
    body = {**target.body(), target.text: "ऐ 𝕏 🇮🇳 \\ \" / é"}
    answer = senders[target.service].post(target.path, body, expect=(201, 409))
    if answer.status == 201:
        assert answer[target.text] == body[target.text]
        assert counted(sql, target) != before


@each_target
def test_large_bodies_are_refused(senders, target):
    big = holding(target, b'"' + b"x" * (2 << 20) + b'"')
    senders[target.service].post(target.path, raw=big, expect=413).says("body_too_large")
    just_under = holding(target, b'"' + b"x" * (BODY_LIMIT - 2000) + b'"')
    senders[target.service].post(target.path, raw=just_under, expect=422).says("validation_failed", f"/{target.text}")


@each_target
def test_large_chunked_bodies_are_refused(env, senders, target):
    answer = send_raw(env, target.service, senders[target.service].token, "POST", target.path,
                      [("Content-Type", "application/json"), ("Transfer-Encoding", "chunked")],
                      chunks=[b"x" * 65536] * 32)
    assert answer.status == 413


@each_target
def test_a_large_body_through_the_gateway(env, senders, target):
    api = Api(env, senders[target.service].token)
    api.post(target.path, raw=holding(target, b'"' + b"x" * (2 << 20) + b'"'), expect=413).says("body_too_large")


def send_raw(env, service, token, method, path, headers, chunks=()):
    """One request by hand, for what no ordinary client would send."""
    url = urlsplit(env[f"NXT_{service.upper()}_URL"])
    connection = http.client.HTTPConnection(url.hostname, url.port, timeout=20)
    connection.putrequest(method, path, skip_accept_encoding=True)
    for name, value in [("Authorization", f"Bearer {token}"), *headers]:
        connection.putheader(name, value)
    connection.endheaders()
    try:
        for chunk in chunks:
            connection.send(b"%x\r\n%s\r\n" % (len(chunk), chunk))
        connection.send(b"0\r\n\r\n" if chunks else b"")
    except (BrokenPipeError, ConnectionResetError):
        pass  # it answered before all was sent, as it may
    response = connection.getresponse()
    response.status_code, response.content = response.status, response.read()
    answer = Answer(response, f"{method} {path}")
    connection.close()
    if answer.status >= 400:
        check_problem(answer, catalogue(env["NXT_BIN"]))
    return answer


@pytest.mark.parametrize("value", ["a\r\nBcc: b@example.com", "a\tb", "a\u0007", "a\u001b[2J", "a\u0085", "a\u2028b", "a\u202eb"])
def test_a_line_holds_no_control_character(senders, value):
    """It would break mails, terminals and tables that it comes into."""
    lead = next(t for t in TARGETS if t.service == "marketplace")
    for field in ("title", "description"):
        refused = senders["marketplace"].post(lead.path, {**lead.body(), field: value}, expect=(201, 422))
        several = field == "description" and not {"\x07", "\x1b", "\x85", "\u202e"} & set(value) and "@" not in value
        assert refused.status == (201 if several else 422), refused
        if not several:
            refused.says("validation_failed", f"/{field}")


@pytest.mark.parametrize("value", ["", "  ", "\u00a0", "\u3000\u2003", "\u200b", "\u2800", "\ufeff\u00ad"])
def test_what_shows_nothing_is_no_title(senders, value):
    lead = next(t for t in TARGETS if t.service == "marketplace")
    senders["marketplace"].post(lead.path, {**lead.body(), "title": value}, expect=422).says("validation_failed", "/title")


@pytest.mark.parametrize("path, field", [("/v1/leads", "location"), ("/v1/me", "display_name")])
def test_contact_details_are_refused_where_others_read(senders, env, path, field):
    lead = next(t for t in TARGETS if t.service == "marketplace")
    for value in ("call 9876543210", "http://evil.example.com", "a@example.com"):
        sent = (senders["marketplace"].post(path, {**lead.body(), field: value}, expect=422) if path == lead.path else
                senders["identity"].patch(path, {field: value}, expect=422))
        sent.says("validation_failed", f"/{field}")


@each_target
@pytest.mark.parametrize("kind", ["text/plain", "application/x-www-form-urlencoded", "multipart/form-data; boundary=x",
                                  "application/xml", "application/jsonp", "application/json-patch+json", "json", "", "*/*",
                                  "application/json, text/plain", "application/json; charset=latin1",
                                  "application/json; charset=utf-16", "application/json; charset=utf-8x", None])
def test_other_content_types_are_refused(senders, target, kind):
    senders[target.service].post(target.path, raw=json.dumps(target.body()).encode(), headers={"Content-Type": kind},
                                 expect=415).says("unsupported_media_type")


@each_target
@pytest.mark.parametrize("kind", ["application/json; charset=utf-8", "Application/JSON", "application/json;charset=UTF-8",
                                  'application/json; charset="utf-8"'])
def test_json_by_its_other_names(senders, target, kind):
    senders[target.service].post(target.path, raw=b'{"unheard_of":1}', headers={"Content-Type": kind}, expect=422)


@each_target
def test_compressed_bodies_are_refused(senders, target):
    import gzip
    raw = gzip.compress(json.dumps(target.body()).encode())
    for coding in ("gzip", "deflate", "br", "identity, gzip"):
        for body in (raw, json.dumps(target.body()).encode()):
            senders[target.service].post(target.path, raw=body, headers={"Content-Encoding": coding},
                                         expect=415).says("unsupported_media_type")


@pytest.mark.parametrize("service", SERVICES)
@pytest.mark.parametrize("query, code", [
    ("unheard_of=1", "unknown_parameter"), ("limit=0", "unknown_parameter"), ("limit=201", "unknown_parameter"),
    ("limit=-1", "unknown_parameter"), ("limit=x", "unknown_parameter"), ("limit=", "unknown_parameter"),
    ("limit=%201", "unknown_parameter"), ("limit=%2B1", "unknown_parameter"), ("limit=1e2", "unknown_parameter"), ("limit=99999999999999999999", "unknown_parameter"), ("limit=%31%00", None),
    ("sort=unheard_of", "unknown_parameter"), ("sort=", "unknown_parameter"), ("sort=--created_at", "unknown_parameter"),
    ("sort=created_at;drop table users", None), ("sort=id,created_at", "unknown_parameter"),
    ("fields=unheard_of", "unknown_parameter"), ("fields=", "unknown_parameter"), ("fields=id,", "unknown_parameter"), ("fields=password_hash", "unknown_parameter"),
    ("cursor=x", "bad_cursor"), ("cursor=", "bad_cursor"), ("cursor=" + "A" * 5000, "bad_cursor"), ("cursor=%00", None),
    ("created_after=yesterday", "unknown_parameter"), ("created_after=2026-13-45T00:00:00Z", "unknown_parameter"),
    ("created_after=9999-12-31T23:59:59-23:59", "unknown_parameter"), ("created_after=infinity", "unknown_parameter"),
    ("created_before=2026-01-01T00:00:00", "unknown_parameter"), ("created_at=now()", "unknown_parameter"),
    ("id=1", "unknown_parameter"), ("id='%20OR%20'1'='1", "unknown_parameter"), ("id=%ff", None), ("%ff=1", None),
    ("a%00b=1", None), ("x=%", None), ("x=%zz", None), ("x=%1", None), ("=1", None),
    ("limit=1&limit=2", None), ("limit[]=1", "unknown_parameter"), ("limit=1;sort=x", "unknown_parameter"),
])
def test_bad_queries_are_refused(env, admin, service, query, code):
    path = {"identity": "/v1/users", "profiles": "/v1/approval-requests", "finance": "/v1/orders",
            "marketplace": "/v1/jobs", "notify": "/v1/notifications", "audit": "/v1/audit-logs"}[service]
    answer = Api(env, admin.token, env[f"NXT_{service.upper()}_URL"]).get(f"{path}?{query}", expect=400)
    if code:
        answer.says(code)


@pytest.mark.parametrize("service", SERVICES)
def test_times_that_postgresql_would_not_read(env, admin, service):
    """Offsets of sixteen hours and more, and half a leap second, are RFC 3339 all the same."""
    path = {"audit": "/v1/audit-logs", "identity": "/v1/users", "profiles": "/v1/approval-requests", "finance": "/v1/orders",
            "marketplace": "/v1/jobs", "notify": "/v1/notifications"}[service]
    api = Api(env, admin.token, env[f"NXT_{service.upper()}_URL"])
    for time in ("2099-01-01T00:00:00%2B23:59", "2099-01-01T00:00:00-16:00", "2098-12-31T23:59:60.5Z"):
        assert api.get(f"{path}?created_after={time}", expect=200).items == []


@pytest.mark.parametrize("service", SERVICES)
@pytest.mark.parametrize("bad", ["1", "0", "me'", "%00", "%ff", "..", "%2e%2e", "01890000-0000-7000-8000-00000000000",
                                 "01890000-0000-7000-8000-0000000000000", "{01890000-0000-7000-8000-000000000000}",
                                 "01890000000070008000000000000000", "null", "x" * 3000, "01890000-0000-7000-8000-000000000000/",
                                 "01890000-0000-7000-8000-000000000000%20", "01890000-0000-7000-8000-00000000000g"])
def test_bad_ids_are_not_found(env, admin, service, bad):
    path = {"identity": "/v1/users", "profiles": "/v1/approval-requests", "finance": "/v1/orders",
            "marketplace": "/v1/jobs", "notify": "/v1/notifications", "audit": "/v1/audit-logs"}[service]
    answer = send_raw(env, service, admin.token, "GET", f"{path}/{bad}", [])
    assert answer.status in (400, 404), answer


@pytest.mark.parametrize("service", SERVICES)
def test_methods_that_are_not_there(env, admin, service):
    path = {"identity": "/v1/users", "profiles": "/v1/approval-requests", "finance": "/v1/orders",
            "marketplace": "/v1/jobs", "notify": "/v1/notifications", "audit": "/v1/audit-logs"}[service]
    api = Api(env, admin.token, env[f"NXT_{service.upper()}_URL"])
    for method in ("PUT", "DELETE", "PATCH"):
        answer = api.call(method, path, {}, expect=405)
        assert "GET" in answer.headers["Allow"], answer
    options = api.call("OPTIONS", path, expect=204)
    assert "GET" in options.headers["Allow"]
    got = api.get(path, expect=200)
    head = api.call("HEAD", path, expect=200)
    assert head.content == b"" and head.headers["Content-Type"] == got.headers["Content-Type"]
