"""The tables, as SQLAlchemy Core knows them. `migrations/` makes them; a test holds the two together.

Times are BIGINT milliseconds since the epoch, JSON is TEXT: SQLite and PostgreSQL keep both the same way, and what a
user sent in comes out byte by byte.

Every index is paid for by each record that comes in, so each has a question it answers:

- `tasks_by_status`: what is ready in a lane; what a dead worker left; how many of each there are; what may be pruned;
  which are the newest of a status or a route.
- `tasks_by_key`: is this key known; which task of a key comes first; which keys begin so. `occurrence` keeps the second
  question short: it is 0 on routes that leave duplicates out; elsewhere it is the task's id while the task is open and
  minus that once it is settled, so the open tasks of a key stand together in the index, in order.
- `tasks_due`: which tries are due.
"""

from __future__ import annotations

from typing import Final

from sqlalchemy import (
    BigInteger,
    Column,
    ForeignKey,
    Index,
    Integer,
    MetaData,
    PrimaryKeyConstraint,
    SmallInteger,
    Table,
    Text,
    text,
)

metadata: Final = MetaData(
    naming_convention={
        "pk": "%(table_name)s_pkey",
        "fk": "%(table_name)s_%(column_0_name)s_fkey",
    }
)

_ID: Final = BigInteger().with_variant(Integer, "sqlite")  # SQLite numbers rows by itself only where it is INTEGER

tasks: Final = Table(
    "tasks",
    metadata,
    Column("id", _ID, primary_key=True, autoincrement=True),
    Column("route", Text, nullable=False),
    Column("key", Text().with_variant(Text(collation="C"), "postgresql")),  # by bytes: indexes know what begins so
    Column("occurrence", BigInteger, nullable=False),
    Column("lane", SmallInteger, nullable=False),
    Column("status", Text, nullable=False),
    Column("source", Text, nullable=False),
    Column("position", Integer, nullable=False),
    Column("created_at", BigInteger, nullable=False),
    Column("updated_at", BigInteger, nullable=False),
    Column("due_at", BigInteger),
    Column("attempts", Integer, nullable=False),
    Column("tried_before", Integer, nullable=False),  # attempts made before a person last asked for a new try
    Column("claim", BigInteger),  # token of the lease that works on it
    Column("sent", Integer, nullable=False),
    Column("parcels", Integer, nullable=False),
    Column("looks", Integer, nullable=False),
    Column("verdict", Text),
    Column("step", Text, nullable=False),
    Column("reason", Text, nullable=False),
    Column("cure", Text),
    Column("done", Text),
    Column("record", Text, nullable=False),
    Column("value", Text),
    sqlite_autoincrement=True,  # the id of a pruned task is never given again
)

Index("tasks_by_status", tasks.c.status, tasks.c.route, tasks.c.lane, tasks.c.id)
Index(
    "tasks_by_key",
    tasks.c.route,
    tasks.c.key,
    tasks.c.occurrence,
    unique=True,
    sqlite_where=text("key IS NOT NULL"),
    postgresql_where=text("key IS NOT NULL"),
    postgresql_include=["id"],  # as SQLite has it: the newest of many keys that begin alike are found without reading
)
Index(
    "tasks_due",
    tasks.c.route,
    tasks.c.lane,
    tasks.c.due_at,
    sqlite_where=text("status = 'retry'"),
    postgresql_where=text("status = 'retry'"),
)

attempts: Final = Table(
    "attempts",
    metadata,
    Column("task_id", BigInteger, ForeignKey("tasks.id", ondelete="CASCADE"), nullable=False),
    Column("number", Integer, nullable=False),
    Column("worker", Text, nullable=False),
    Column("started_at", BigInteger, nullable=False),
    Column("commit_at", BigInteger),
    Column("commit_step", Text, nullable=False),
    Column("commit_entity", Text, nullable=False),
    Column("commit_evidence", Text),
    Column("ended_at", BigInteger),
    Column("outcome", Text),
    Column("verdict", Text),
    Column("step", Text, nullable=False),
    Column("reason", Text, nullable=False),
    Column("duration_ms", BigInteger),
    PrimaryKeyConstraint("task_id", "number"),
    sqlite_with_rowid=False,
)

exchanges: Final = Table(
    "exchanges",
    metadata,
    Column("task_id", BigInteger, ForeignKey("tasks.id", ondelete="CASCADE"), nullable=False),
    Column("attempt", Integer, nullable=False),
    Column("position", Integer, nullable=False),
    Column("entity", Text, nullable=False),
    Column("method", Text, nullable=False),
    Column("url", Text, nullable=False),
    Column("started_at", BigInteger, nullable=False),
    Column("duration_ms", BigInteger, nullable=False),
    Column("status", Integer),
    Column("verdict", Text, nullable=False),
    Column("failure", Text),
    Column("request", Text, nullable=False),
    Column("response", Text, nullable=False),
    PrimaryKeyConstraint("task_id", "attempt", "position"),
)

cursors: Final = Table(
    "cursors",
    metadata,
    Column("name", Text, primary_key=True),
    Column("value", Text, nullable=False),
    Column("pending", Text),
    Column("version", BigInteger, nullable=False),
    Column("updated_at", BigInteger, nullable=False),
)

stored_values: Final = Table(
    "stored_values",
    metadata,
    Column("store", Text, nullable=False),
    Column("key", Text, nullable=False),
    Column("value", Text, nullable=False),
    Column("updated_at", BigInteger, nullable=False),
    PrimaryKeyConstraint("store", "key"),
)

receipts: Final = Table(
    "receipts",
    metadata,
    Column("token", Text, primary_key=True),
    Column("made_at", BigInteger, nullable=False),
    Column("result", Text, nullable=False),
)
Index("receipts_made", receipts.c.made_at)

commits: Final = Table(
    "commits",
    metadata,
    Column("id", Text, primary_key=True),  # of a connection
    Column("token", BigInteger, nullable=False),  # of its last transaction, see `commits`
    Column("made_at", BigInteger, nullable=False),
)

routes: Final = Table(
    "routes",
    metadata,
    Column("name", Text, primary_key=True),
    Column("state", Text, nullable=False),
    Column("reason", Text, nullable=False),
    Column("since", BigInteger, nullable=False),
    Column("by", Text, nullable=False),
)

workers: Final = Table(
    "workers",
    metadata,
    Column("id", Text, primary_key=True),
    Column("host", Text, nullable=False),
    Column("pid", Integer, nullable=False),
    Column("started_at", BigInteger, nullable=False),
    Column("heartbeat_at", BigInteger, nullable=False),
    Column("routes", Text, nullable=False),
)

lanes: Final = Table(
    "lanes",
    metadata,
    Column("route", Text, nullable=False),
    Column("lane", SmallInteger, nullable=False),
    Column("token", BigInteger),  # of the lease; none while nobody holds the lane
    Column("worker", Text, nullable=False),
    Column("acquired_at", BigInteger, nullable=False),
    PrimaryKeyConstraint("route", "lane"),
)

limits: Final = Table(
    "limits",
    metadata,
    Column("client", Text, primary_key=True),
    Column("next_us", BigInteger, nullable=False),  # microseconds: a rate may be over a thousand a second
)

schedules: Final = Table(
    "schedules",
    metadata,
    Column("name", Text, primary_key=True),
    Column("spec", Text, nullable=False),
    Column("last_due_at", BigInteger),
    Column("last_started_at", BigInteger),
    Column("last_result", Text, nullable=False),
    Column("next_at", BigInteger),
    Column("asked_at", BigInteger),  # by a person who wants a run now
    Column("asked_by", Text),
    Column("last_ended_at", BigInteger),
    Column("last_records", BigInteger),
    Column("last_tasks", BigInteger),
)

deliveries: Final = Table(
    "deliveries",
    metadata,
    Column("source", Text, nullable=False),
    Column("digest", Text, nullable=False),  # hex; of one without, its token
    Column("token", Text, nullable=False),  # of the call that made its tasks
    Column("content", Text, nullable=False),  # digest of what was sent, where that has to be the same again; else empty
    Column("received_at", BigInteger, nullable=False),
    Column("expires_at", BigInteger, nullable=False),  # from then on, the same again is a delivery of its own
    Column("ids", Text, nullable=False),
    PrimaryKeyConstraint("source", "digest"),
    sqlite_with_rowid=False,
)
Index("deliveries_expire", deliveries.c.expires_at)

activity: Final = Table(
    "activity",
    metadata,
    Column("minute", Integer, nullable=False),  # since the epoch; of what was summed up, the first one
    Column("route", Text, nullable=False),
    Column("slot", Integer, nullable=False),  # of the connection: no two wait for each other's counts
    Column("received", Integer, nullable=False),
    Column("finished", Integer, nullable=False),
    Column("failed", Integer, nullable=False),
    Column("skipped", Integer, nullable=False),
    Column("unknown", Integer, nullable=False),
    Column("retried", Integer, nullable=False),
    PrimaryKeyConstraint("minute", "route", "slot"),
    sqlite_with_rowid=False,
)

alarms: Final = Table(
    "alarms",
    metadata,
    Column("kind", Text, nullable=False),
    Column("subject", Text, nullable=False),
    Column("text", Text, nullable=False),
    Column("detail", Text, nullable=False),
    Column("since", BigInteger, nullable=False),
    Column("told_at", BigInteger),
    Column("repeat_ms", BigInteger),
    Column("cleared_at", BigInteger),
    Column("held_until", BigInteger),  # somebody is telling it until then
    PrimaryKeyConstraint("kind", "subject"),
)

audit: Final = Table(
    "audit",
    metadata,
    Column("id", _ID, primary_key=True, autoincrement=True),
    Column("at", BigInteger, nullable=False),
    Column("by", Text, nullable=False),
    Column("kind", Text, nullable=False),
    Column("address", Text, nullable=False),
    Column("action", Text, nullable=False),
    Column("subject", Text, nullable=False),
    Column("detail", Text, nullable=False),
    sqlite_autoincrement=True,
)
Index("audit_by_subject", audit.c.subject, audit.c.id)
Index("audit_at", audit.c.at)

users: Final = Table(
    "users",
    metadata,
    Column("name", Text, primary_key=True),
    Column("password_hash", Text, nullable=False),
    Column("role", Text, nullable=False),
    Column("created_at", BigInteger, nullable=False),
    Column("changed_at", BigInteger, nullable=False),
    Column("is_disabled", SmallInteger, nullable=False),
)

tokens: Final = Table(
    "tokens",
    metadata,
    Column("id", _ID, primary_key=True, autoincrement=True),
    Column("name", Text, nullable=False),
    Column("hash", Text, nullable=False),
    Column("roles", Text, nullable=False),
    Column("created_at", BigInteger, nullable=False),
    Column("created_by", Text, nullable=False),
    Column("expires_at", BigInteger),
    Column("last_used_at", BigInteger),
    Column("revoked_at", BigInteger),
    sqlite_autoincrement=True,
)
Index("tokens_by_hash", tokens.c.hash, unique=True)
_VALID: Final = "revoked_at IS NULL"
Index("tokens_by_name", tokens.c.name, unique=True, sqlite_where=text(_VALID), postgresql_where=text(_VALID))

sessions: Final = Table(
    "sessions",
    metadata,
    Column("hash", Text, primary_key=True),
    Column("user", Text, ForeignKey("users.name", ondelete="CASCADE"), nullable=False),
    Column("csrf", Text, nullable=False),
    Column("created_at", BigInteger, nullable=False),
    Column("seen_at", BigInteger, nullable=False),
    Column("expires_at", BigInteger, nullable=False),
    Column("address", Text, nullable=False),
    Column("agent", Text, nullable=False),
)
Index("sessions_by_user", sessions.c.user)
Index("sessions_expire", sessions.c.expires_at)

queue_steps: Final = Table(
    "queue_steps",
    metadata,
    Column("name", Text, primary_key=True),  # of a step of procrastinate's own schema, see `queue`
    Column("made_at", BigInteger, nullable=False),
)
