"""Faults that the harness must see, each put in from outside."""
import contextlib

from client import eventually


def _writes(world, more):
    until = len(world.history.writes) + more
    eventually("some writes", lambda: len(world.history.writes) >= until, 120, 0.05)


def dedupe_key_removed(world):
    """The audit log and its changes, which would refuse a second one, lose their keys, and events come once more."""
    world.settle()
    for table in ("audit_logs", "audit_log_changes"):
        world.sql("audit", f"ALTER TABLE {table} DROP CONSTRAINT {table}_pkey CASCADE")
    world.stack.stop("audit")
    world.sql("audit", "UPDATE consumer_offsets SET next_offset = 0 WHERE topic IN ('wallet.credited', 'department.changed')")


def offset_before_effect(world):
    """What a consumer that moves its position first leaves behind when it is killed in between."""
    world.settle()
    world.stack.stop("audit")
    with world.load():
        _writes(world, 50)
    eventually("they are published", lambda: not world.sql("finance", "SELECT FROM outbox_events LIMIT 1"), 60, 0.1)
    ends = world.ends()
    for (topic, partition), end in ends.items():
        world.sql("audit", "UPDATE consumer_offsets SET next_offset = %s WHERE topic = %s AND partition = %s AND next_offset < %s",
                  end, topic, partition, end)


@contextlib.contextmanager
def _unpublished(world):
    """Finance writes and its relay rests; what was written meanwhile waits in the outbox, to be tampered with inside the block."""
    world.settle()
    world.daemon_env("finance", NXT_ROLES="api,consumer")
    world.stack.start("finance")
    with world.load():
        _writes(world, 50)
    yield
    world.daemon_env("finance")
    world.stack.start("finance")


def outbox_row_deleted(world):
    """As by a relay that deletes what the broker has not confirmed."""
    with _unpublished(world):
        world.sql("finance", "DELETE FROM outbox_events WHERE seq = (SELECT min(seq) FROM outbox_events WHERE type = 'wallet.credited')")


def versions_swapped(world):
    """As by a relay that sends a key's rows in another order than they were committed in."""
    with _unpublished(world):
        world.sql("finance", """
            WITH key AS (SELECT aggregateid, type FROM outbox_events GROUP BY 1, 2 HAVING count(*) > 1 LIMIT 1),
                 pair AS (SELECT min(seq) AS first, max(seq) AS last FROM outbox_events JOIN key USING (aggregateid, type))
            UPDATE outbox_events o SET (id, payload) = (SELECT id, payload FROM outbox_events
                WHERE seq = CASE WHEN o.seq = pair.first THEN pair.last ELSE pair.first END)
            FROM pair WHERE o.seq IN (pair.first, pair.last)""")


def synchronous_commit_off(world):
    """Commits are acknowledged before they are on disk; then PostgreSQL is killed."""
    world.settle()
    postgres = world.stack.postgres
    for setting in ("synchronous_commit = off", "wal_writer_delay = '10s'", "wal_writer_flush_after = '1GB'"):
        postgres.psql(f"ALTER SYSTEM SET {setting}")
    postgres.psql("SELECT pg_reload_conf()")
    with world.load():
        for _ in range(4):      # each loses what stands on the last, unwritten page of WAL
            _writes(world, 40)
            world.stack.kill9("postgres")
            postgres.start()
    for setting in ("synchronous_commit", "wal_writer_delay", "wal_writer_flush_after"):
        postgres.psql(f"ALTER SYSTEM RESET {setting}")
    postgres.psql("SELECT pg_reload_conf()")


# In this order: the last one leaves a copy that has forgotten things.
FAULTS = {
    "a dedupe key removed": (dedupe_key_removed, "effect doubled"),
    "an offset before its effect": (offset_before_effect, "event has no effect"),
    "an outbox row deleted before it was sent": (outbox_row_deleted, "event lost"),
    "two versions of a key swapped": (versions_swapped, "order of a key broken"),
    "synchronous_commit off": (synchronous_commit_off, "acknowledged write lost"),
}
