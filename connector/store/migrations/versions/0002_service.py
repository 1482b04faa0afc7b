"""What the service keeps: deliveries, activity, alarms, and who may do what and did it."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"

_ID = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
_COUNTS = ("received", "finished", "failed", "skipped", "unknown", "retried")


def upgrade() -> None:
    """Take the step."""
    op.drop_index("tasks_odd", "tasks")  # lists of a status are put together out of `tasks_by_status`
    if op.get_bind().dialect.name == "postgresql":  # SQLite compares bytes, and has the id in every index
        op.drop_index("tasks_by_key", "tasks")
        op.alter_column("tasks", "key", type_=sa.Text(collation="C"))
        op.create_index(
            "tasks_by_key",
            "tasks",
            ["route", "key", "occurrence"],
            unique=True,
            postgresql_where=sa.text("key IS NOT NULL"),
            postgresql_include=["id"],
        )
    op.add_column("schedules", sa.Column("asked_at", sa.BigInteger()))
    op.add_column("schedules", sa.Column("asked_by", sa.Text()))
    op.add_column("schedules", sa.Column("last_ended_at", sa.BigInteger()))
    op.add_column("schedules", sa.Column("last_records", sa.BigInteger()))
    op.add_column("schedules", sa.Column("last_tasks", sa.BigInteger()))
    op.create_table(
        "deliveries",
        sa.Column("source", sa.Text(), nullable=False),
        sa.Column("digest", sa.Text(), nullable=False),
        sa.Column("token", sa.Text(), nullable=False),
        sa.Column("content", sa.Text(), nullable=False),
        sa.Column("received_at", sa.BigInteger(), nullable=False),
        sa.Column("expires_at", sa.BigInteger(), nullable=False),
        sa.Column("ids", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("source", "digest", name="deliveries_pkey"),
        sqlite_with_rowid=False,
    )
    op.create_index("deliveries_expire", "deliveries", ["expires_at"])
    op.create_table(
        "activity",
        sa.Column("minute", sa.Integer(), nullable=False),
        sa.Column("route", sa.Text(), nullable=False),
        sa.Column("slot", sa.Integer(), nullable=False),
        *(sa.Column(name, sa.Integer(), nullable=False) for name in _COUNTS),
        sa.PrimaryKeyConstraint("minute", "route", "slot", name="activity_pkey"),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "alarms",
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("subject", sa.Text(), nullable=False),
        sa.Column("text", sa.Text(), nullable=False),
        sa.Column("detail", sa.Text(), nullable=False),
        sa.Column("since", sa.BigInteger(), nullable=False),
        sa.Column("told_at", sa.BigInteger()),
        sa.Column("repeat_ms", sa.BigInteger()),
        sa.Column("cleared_at", sa.BigInteger()),
        sa.Column("held_until", sa.BigInteger()),
        sa.PrimaryKeyConstraint("kind", "subject", name="alarms_pkey"),
    )
    op.create_table(
        "audit",
        sa.Column("id", _ID, autoincrement=True, nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.Column("by", sa.Text(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("address", sa.Text(), nullable=False),
        sa.Column("action", sa.Text(), nullable=False),
        sa.Column("subject", sa.Text(), nullable=False),
        sa.Column("detail", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="audit_pkey"),
        sqlite_autoincrement=True,
    )
    op.create_index("audit_by_subject", "audit", ["subject", "id"])
    op.create_index("audit_at", "audit", ["at"])
    op.create_table(
        "users",
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("password_hash", sa.Text(), nullable=False),
        sa.Column("role", sa.Text(), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("changed_at", sa.BigInteger(), nullable=False),
        sa.Column("is_disabled", sa.SmallInteger(), nullable=False),
        sa.PrimaryKeyConstraint("name", name="users_pkey"),
    )
    op.create_table(
        "tokens",
        sa.Column("id", _ID, autoincrement=True, nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("hash", sa.Text(), nullable=False),
        sa.Column("roles", sa.Text(), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("created_by", sa.Text(), nullable=False),
        sa.Column("expires_at", sa.BigInteger()),
        sa.Column("last_used_at", sa.BigInteger()),
        sa.Column("revoked_at", sa.BigInteger()),
        sa.PrimaryKeyConstraint("id", name="tokens_pkey"),
        sqlite_autoincrement=True,
    )
    is_valid = sa.text("revoked_at IS NULL")
    op.create_index("tokens_by_hash", "tokens", ["hash"], unique=True)
    op.create_index("tokens_by_name", "tokens", ["name"], unique=True, sqlite_where=is_valid, postgresql_where=is_valid)
    op.create_table(
        "sessions",
        sa.Column("hash", sa.Text(), nullable=False),
        sa.Column("user", sa.Text(), nullable=False),
        sa.Column("csrf", sa.Text(), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("seen_at", sa.BigInteger(), nullable=False),
        sa.Column("expires_at", sa.BigInteger(), nullable=False),
        sa.Column("address", sa.Text(), nullable=False),
        sa.Column("agent", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(["user"], ["users.name"], name="sessions_user_fkey", ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("hash", name="sessions_pkey"),
    )
    op.create_index("sessions_by_user", "sessions", ["user"])
    op.create_index("sessions_expire", "sessions", ["expires_at"])
