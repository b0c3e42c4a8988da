"""Three faults that the harness must see, each put in from outside."""
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
    "synchronous_commit off": (synchronous_commit_off, "acknowledged write lost"),
}
