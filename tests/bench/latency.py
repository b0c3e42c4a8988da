"""From a commit in finance to the same event's row being visible in audit, at a steady rate."""
import asyncio
import time
from urllib.parse import urlsplit

import events
import packages

RATE = 500
CONNECTIONS = 50


def percentile(values, share):
    """The smallest value that this share of all does not exceed."""
    ordered = sorted(values)
    return ordered[max(0, -(-len(ordered) * share // 100) - 1)]


async def _answer(reader):
    head = await reader.readuntil(b"\r\n\r\n")
    length = next(int(line.split(b":")[1]) for line in head.split(b"\r\n") if line.lower().startswith(b"content-length"))
    await reader.readexactly(length)
    return int(head.split(b" ", 2)[1])


async def _one_connection(url, requests, number, begun, seconds):
    """Sends on its own beat, whether or not the last answer came late."""
    reader, writer = await asyncio.open_connection(url.hostname, url.port)
    statuses, beat = [], number / RATE
    while beat < seconds:
        await asyncio.sleep(begun + beat - time.monotonic())
        writer.write(requests[len(statuses) % len(requests)])
        statuses.append(await _answer(reader))
        beat += CONNECTIONS / RATE
    writer.close()
    return statuses


async def _load(url, requests, seconds):
    begun = time.monotonic() + 0.2
    each = await asyncio.gather(*(_one_connection(url, requests, n, begun, seconds) for n in range(CONNECTIONS)))
    return [status for statuses in each for status in statuses]


def _commit_times(world, service, sql, *words):
    with world.connect(service) as db:
        return dict(db.execute(sql, words).fetchall())


def _delays(world, first):
    """Milliseconds between the two commits of every event since, and how many are not there yet."""
    wrote = _commit_times(world, "finance", """SELECT id, extract(epoch FROM pg_xact_commit_timestamp(xmin))
        FROM pricing_packages WHERE created_at >= %s""", first)
    seen = _commit_times(world, "audit", """SELECT entity_id, extract(epoch FROM pg_xact_commit_timestamp(xmin))
        FROM audit_logs WHERE entity_type = 'pricing' AND created_at >= %s""", first)
    return [float(1000 * (seen[i] - wrote[i])) for i in wrote if i in seen], len(wrote.keys() - seen.keys())


def commit_to_audit(world, seconds):
    """Everything runs as it always does; the load comes over HTTP."""
    world.arrange()
    world.drain("finance")
    world.catch_up("audit", events.TYPE)
    world.settle()
    url, token = world.stack.daemons["finance"].url, world.sign_in()
    requests = [text.encode() for text in packages.posts(url, token)]
    asyncio.run(_load(urlsplit(url), requests, 2))
    with world.connect("finance") as db:
        first = db.execute("SELECT now()").fetchone()[0]
    statuses = asyncio.run(_load(urlsplit(url), requests, 2 * seconds))
    for _ in range(100):
        delays, missing = _delays(world, first)
        if not missing:
            break
        time.sleep(0.1)
    return {"p50_ms": percentile(delays, 50), "p99_ms": percentile(delays, 99), "max_ms": round(max(delays), 1),
            "events": len(delays), "never_seen": missing, "refused": sum(s != 201 for s in statuses),
            "asked_per_s": RATE}
