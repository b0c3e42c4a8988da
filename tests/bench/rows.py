"""What is measured and what it is to reach: the one table of it. A new figure is a function and an entry."""
from dataclasses import dataclass
from typing import Callable

import backlog
import bare
import clone
import footprint
import latency
import reads
import sign_in
import wallets_rows
import writes


@dataclass
class Floor:
    """One figure of a row and its limit: at least a ratio, at most a time or a size."""
    figure: str
    sign: str
    limit: float
    unit: str = ""

    def holds(self, value):
        return value >= self.limit if self.sign == ">=" else value <= self.limit


@dataclass
class Row:
    key: str
    what: str
    measure: Callable
    floors: list[Floor]


ROWS = [
    Row("get", "GET item by id, with auth / pgbench of the same SELECT",
        reads.get_by_id, [Floor("ratio", ">=", 1.1), Floor("p99_ms", "<=", 3, "ms")]),
    Row("list", "a public list of 50 by an indexed filter, keyset, asked for by visitors who are not signed in / pgbench of the same SELECT;"
        " apart: with auth, each with a bound of its own",
        reads.list_of_50, [Floor("ratio", ">=", 0.8), Floor("apart", ">=", 0.8)]),
    Row("debit", "durable debit with auth, event and Idempotency-Key / pgbench of the same as one statement",
        wallets_rows.debit, [Floor("ratio", ">=", 1.5), Floor("to_transaction", ">=", 3), Floor("p99_ms", "<=", 10, "ms"),
                             Floor("cpu_to_postgres", "<=", 0.35)]),
    Row("hot", "debits all on one wallet / spread over 10,000",
        wallets_rows.one_wallet, [Floor("ratio", ">=", 1.0)]),
    Row("wal", "bytes of log of a debit with its event / without, full-page images left out",
        wallets_rows.log_bytes, [Floor("ratio", "<=", 1.6)]),
    Row("post", "POST of a row and its event, with auth / pgbench of the same transaction",
        writes.post_with_event, [Floor("ratio", ">=", 0.9)]),
    Row("backlog", "1,000,000 outbox rows -> Kafka -> audit_logs with changes / one session's batched unnest",
        backlog.drain, [Floor("ratio", ">=", 0.8), Floor("mb", "<=", 48, "MB")]),
    Row("deep", "relay's rate with 5,000,000 rows waiting / with a tenth of them and less",
        backlog.deep, [Floor("ratio", ">=", 0.95), Floor("mb", "<=", 48, "MB")]),
    Row("latency", "commit -> audit row visible at 500 events/s",
        latency.commit_to_audit, [Floor("p50_ms", "<=", 3, "ms"), Floor("p99_ms", "<=", 12, "ms")]),
    Row("stream", "commit -> audit row visible at 5,000 events/s written straight into the outbox",
        latency.stream_to_audit, [Floor("p50_ms", "<=", 8, "ms"), Floor("p99_ms", "<=", 25, "ms")]),
    Row("relay", "write rate at saturation, relay on / off, nobody consumes",
        writes.relay_beside, [Floor("ratio", ">=", 0.9)]),
    Row("offered", "5,000 debits a second that come whatever became of those before: p99 with the relay and every consumer of all"
        " six / alone, and what part of them is served",
        writes.offered, [Floor("p99", "<=", 1.5), Floor("served", ">=", 0.999)]),
    Row("rss", "memory of an idle daemon, the largest of the six",
        footprint.idle_memory, [Floor("mb", "<=", 10, "MB"), Floor("together", "<=", 60, "MB")]),
    Row("peak", "memory of finance with all its roles at the peak of get, list and debit",
        footprint.peak_memory, [Floor("mb", "<=", 24, "MB")]),
    Row("idle", "memory per idle connection, 10,000 of them held",
        footprint.idle_connections, [Floor("kib", "<=", 8, "KiB"), Floor("held", ">=", 10000)]),
    Row("busy", "memory per busy connection, 1,000 of them, whatever they send",
        footprint.busy_connections, [Floor("kib", "<=", 64, "KiB")]),
    Row("bare", "bare HTTP answer / an llhttp + bufferevent loop with nothing else",
        bare.answers, [Floor("ratio", ">=", 0.8)]),
    Row("login", "sign-ins / argon2id alone on as many threads; p99 of other requests beside them / alone",
        sign_in.login, [Floor("ratio", ">=", 0.9), Floor("others_p99", "<=", 2)]),
    Row("refresh", "token refresh / pgbench of the same as one statement: half of what a debit must reach",
        sign_in.refresh, [Floor("ratio", ">=", 0.75)]),
    Row("start", "exec -> ready, the slowest of the six",
        footprint.start_time, [Floor("ms", "<=", 50, "ms")]),
    Row("clone", "git clone -> first successful call, packages installed",
        clone.first_call, [Floor("s", "<=", 180, "s")]),
]
