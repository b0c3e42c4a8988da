"""Signing in, which must cost what argon2id costs, and exchanging a refresh token, which must cost what its rows cost."""
import ctypes
import os
import random
import re
import threading
import time

from cpu import Spent
from load import Yardstick, request_text, wrk
from nxt.home import ROOT
from nxt.ui import NxtError
from world import ADMINISTRATOR

ACCOUNTS = 200          # sign-ins at once meet each other's count of attempts too seldom to wait for it
LOGINS_AT_ONCE = 8      # keeps the work pool busy
OTHERS, PAUSE_MS = 8, 10
HASHING_THREADS = max(1, len(os.sched_getaffinity(0)) - 1)     # as WORK_THREADS is unset (libcommon/work.c)
SESSIONS_A_SECOND = 8000    # refresh tokens made ready per second of load: each is good for one exchange


def _somewhere():
    """One of many addresses, so that the limit for each is not what is measured."""
    return f"X-Forwarded-For: 10.{random.randrange(256)}.{random.randrange(256)}.{random.randrange(1, 255)}"


# ---- logins ----

def _accounts(world):
    """Copies of the administrator's account without his roles; their password hash."""
    with world.superuser("identity") as db:
        db.execute("SET session_replication_role = replica")
        db.execute("""INSERT INTO users SELECT (jsonb_populate_record(NULL::users, to_jsonb(u) || jsonb_build_object(
                'id', '01920000-0000-7000-8005-' || (500000000000 + n), 'email', 'bench' || n || '@nxtgauge.localhost'))).*
            FROM users u, generate_series(1, %s) n WHERE u.email = %s ON CONFLICT DO NOTHING""", (ACCOUNTS, ADMINISTRATOR))
        db.execute("RESET session_replication_role")
        return db.execute("SELECT password_hash FROM users WHERE email = %s", (ADMINISTRATOR,)).fetchone()[0]


def _argon2id_rate(password_hash, password, seconds):
    """Verifications a second of nothing else, on as many threads as the daemon hashes on."""
    sodium = ctypes.CDLL("libsodium.so.23")
    counts = []

    def verify_until(end):
        n = 0
        while time.monotonic() < end:
            if sodium.crypto_pwhash_str_verify(password_hash.encode(), password.encode(), ctypes.c_ulonglong(len(password))):
                raise NxtError("the administrator's password does not fit the hash")
            n += 1
        counts.append(n)

    begun = time.monotonic()
    threads = [threading.Thread(target=verify_until, args=(begun + seconds,)) for _ in range(HASHING_THREADS)]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    return sum(counts) / (time.monotonic() - begun)


def _work_nice():
    """How far the daemon's hashing threads step back."""
    return int(re.search(r"^#define NICE\s+(\d+)", (ROOT / "libcommon/work.c").read_text(), re.MULTILINE)[1])


def _beside_argon2id(url, others, password_hash, password, seconds):
    """The others while another process verifies passwords as the daemon's threads would: what the machine itself does to them."""
    nice = _work_nice()
    pid = os.fork()
    if pid == 0:
        os.nice(nice)
        _argon2id_rate(password_hash, password, seconds + 1)
        os._exit(0)
    time.sleep(0.5)
    try:
        return wrk(url, others, seconds, OTHERS, PAUSE_MS)
    finally:
        os.waitpid(pid, 0)


def login(world, seconds):
    """argon2id alone, others alone, beside argon2id elsewhere, and beside sign-ins; sign-ins and argon2id alone."""
    world.arrange(identity="api")
    url = world.stack.daemons["identity"].url
    password_hash = _accounts(world)
    logins = [request_text("POST", url, "/v1/auth/login", "", {"email": f"bench{n % ACCOUNTS + 1}@nxtgauge.localhost",
              "password": world.password}, _somewhere()) for n in range(2000)]
    others = [request_text("GET", url, "/v1/me", world.sign_in())]
    bare = [_argon2id_rate(password_hash, world.password, seconds / 2)]
    wrk(url, others, 1, OTHERS, PAUSE_MS)
    alone = wrk(url, others, seconds, OTHERS, PAUSE_MS)
    elsewhere = _beside_argon2id(url, others, password_hash, world.password, seconds)
    wrk(url, logins, 1, LOGINS_AT_ONCE)
    beside = {}
    load = threading.Thread(target=lambda: beside.update(wrk(url, others, seconds, OTHERS, PAUSE_MS)))
    load.start()
    got = wrk(url, logins, seconds, LOGINS_AT_ONCE)
    load.join()
    busy = wrk(url, logins, seconds, LOGINS_AT_ONCE)
    bare.append(_argon2id_rate(password_hash, world.password, seconds / 2))
    if not beside:
        raise NxtError("the other requests failed while sign-ins ran")
    argon2id = sum(bare) / len(bare)
    return {"ratio": busy["rate"] / argon2id, "others_p99": beside["p99_ms"] / alone["p99_ms"],
            "logins_per_s": round(busy["rate"], 1), "argon2id_per_s": round(argon2id, 1),
            "logins_beside_others_per_s": round(got["rate"], 1), "others_per_s": round(beside["rate"]),
            "p99_ms_alone": alone["p99_ms"], "p99_ms_beside": beside["p99_ms"],
            "p99_ms_beside_argon2id_elsewhere": elsewhere["p99_ms"]}


# ---- refresh ----

def _sessions(world, count):
    """So many sessions of the administrator, each with the token bench-<12 digits> and nothing rotated yet."""
    world.quiesce("identity")
    world.empty("identity", "outbox_events", "refresh_tokens", "user_sessions", "one_time_tokens")
    with world.superuser("identity") as db:
        numbers = "generate_series(1, %s) n"
        session, token = (f"('01920000-0000-7000-{group}-' || (500000000000 + n))::uuid" for group in ("8006", "8007"))
        user = db.execute("SELECT id FROM users WHERE email = %s", (ADMINISTRATOR,)).fetchone()[0]
        db.execute(f"INSERT INTO user_sessions (id, user_id, session_token, expires_at) SELECT {session}, %s, 'bench' || n,"
                   f" now() + interval '1 day' FROM {numbers}", (user, count))
        db.execute(f"INSERT INTO refresh_tokens (id, user_id, token_hash, expires_at, family_id, session_id)"
                   f" SELECT {token}, %s, encode(sha256(convert_to('bench-' || lpad(n::text, 12, '0'), 'UTF8')), 'hex'),"
                   f" now() + interval '1 day', {session}, {session} FROM {numbers}", (user, count))
        db.execute("VACUUM ANALYZE user_sessions, refresh_tokens, outbox_events")


def _refreshes(url):
    return [request_text("POST", url, "/v1/auth/refresh", "", {"refresh_token": "bench-############"}, _somewhere())
            for _ in range(5000)]


def _as_one_statement(world, count):
    """What one exchange writes, as pgbench writes it: both tokens, the session, the events that the daemon made."""
    with world.connect("identity") as db:
        cause = "(SELECT headers->>'traceparent' FROM outbox_events ORDER BY seq LIMIT 1)"
        events = db.execute("SELECT aggregatetype, type, encode(payload, 'hex') FROM outbox_events"
                            f" WHERE headers->>'traceparent' = {cause} ORDER BY seq").fetchall()
    values = ", ".join(f"({n}, '{kind}', '{name}', '\\x{payload}'::bytea)" for n, (kind, name, payload) in enumerate(events))
    return f"""\\set n :n + 1
\\set i (:run % 90 + 10) * 10000000000 + :client_id * 100000000 + :n
\\set s random(500000000001, 500000000000 + {count})
WITH t AS (UPDATE refresh_tokens SET revoked = true, rotated_at = now(), version = version + 1,
 successor_box = decode(repeat('ab', 83), 'hex') WHERE session_id = ('01920000-0000-7000-8006-' || :s)::uuid AND NOT revoked
 RETURNING id, user_id, family_id, session_id),
s AS (UPDATE user_sessions SET last_used_at = now(), version = user_sessions.version + 1 FROM t
 WHERE user_sessions.id = t.session_id),
n AS (INSERT INTO refresh_tokens (id, user_id, token_hash, expires_at, family_id, parent_id, session_id)
 SELECT ('01920000-0000-7000-8008-' || :i)::uuid, user_id, encode(sha256(convert_to('x' || :i, 'UTF8')), 'hex'),
 now() + interval '1 day', family_id, id, session_id FROM t)
INSERT INTO outbox_events (id, aggregatetype, aggregateid, type, payload, headers, created_at)
 SELECT ('01920000-0000-7000-90' || lpad(e.n::text, 2, '0') || '-' || :i)::uuid, e.kind, t.id, e.name, e.payload,
 '{{"traceparent": "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"}}', now()
 FROM t, (VALUES {values}) e (n, kind, name, payload);
"""


def refresh(world, seconds):
    world.arrange(identity="api")
    url = world.stack.daemons["identity"].url
    count = round(SESSIONS_A_SECOND * (seconds + 1))
    _sessions(world, count)
    wrk(url, _refreshes(url), 1)
    same = Yardstick(world, "identity", _as_one_statement(world, count), seconds)
    _sessions(world, count)
    same.before()
    _sessions(world, count)
    world.settle()
    with Spent(world, "identity") as spent:
        got = wrk(url, _refreshes(url), seconds)
    _sessions(world, count)
    same.after()
    return {"ratio": got["rate"] / same.rate, "requests_per_s": round(got["rate"]), "p50_ms": got["p50_ms"],
            "p99_ms": got["p99_ms"], **same.details(), **spent.against(same.spent, got["requests"])}
