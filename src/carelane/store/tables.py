"""Every table, declared once. Documents hold the domain's dataclasses as JSON."""

from sqlalchemy import (
    JSON,
    BigInteger,
    Boolean,
    Column,
    DateTime,
    Float,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    String,
    Table,
    Text,
    UniqueConstraint,
)

metadata = MetaData()

entries = Table(
    "entries",
    metadata,
    Column("position", Integer, primary_key=True, autoincrement=True),
    Column("at", DateTime(timezone=True), nullable=False),
    Column("actor", String, nullable=False),
    Column("act", String, nullable=False, index=True),
    Column("subject", String, nullable=False),
    Column("environment", String, index=True),
    Column("reason", Text, nullable=False),
    Column("details", JSON, nullable=False),
    sqlite_autoincrement=True,
)

releases = Table(
    "releases",
    metadata,
    Column("number", Integer, primary_key=True, autoincrement=True),
    Column("name", String, nullable=False, unique=True),
    Column("commit", String, nullable=False, index=True),
    Column("document", Text, nullable=False),
)

environments = Table(
    "environments",
    metadata,
    Column("name", String, primary_key=True),
    Column("generation", Integer, nullable=False),
    Column("document", Text, nullable=False),
)

fleets = Table(
    "fleets",
    metadata,
    Column("environment", String, primary_key=True),
    Column("document", Text, nullable=False),
)

deployment_numbers = Table(
    "deployment_numbers",
    metadata,
    Column("number", Integer, primary_key=True, autoincrement=True),
    sqlite_autoincrement=True,
)

deployments = Table(
    "deployments",
    metadata,
    Column("number", Integer, primary_key=True, autoincrement=False),
    Column("environment", String, nullable=False, index=True),
    Column("phase", String, nullable=False),
    Column("document", Text, nullable=False),
    Column("timings_ms", JSON, nullable=False),
    Column("message", Text, nullable=False),
)

revisions = Table(
    "revisions",
    metadata,
    Column("environment", String, primary_key=True),
    Column("number", Integer, primary_key=True, autoincrement=False),
    Column("document", Text, nullable=False),
    Column("undone_by", Integer),
)

answers = Table(
    "answers",
    metadata,
    Column("actor", String, primary_key=True),
    Column("key", String, primary_key=True),
    Column("request_digest", String, nullable=False),
    Column("status", Integer),
    Column("body", LargeBinary),
    Column("at", DateTime(timezone=True), nullable=False, index=True),
)

followers = Table(
    "followers",
    metadata,
    Column("name", String, primary_key=True),
    Column("position", Integer, nullable=False),
)

deliveries = Table(
    "deliveries",
    metadata,
    Column("number", Integer, primary_key=True, autoincrement=True),
    Column("position", Integer, nullable=False),
    Column("destination", String, nullable=False),
    Column("attempts", Integer, nullable=False),
    Column("due_at", DateTime(timezone=True), nullable=False),
    Column("done", Boolean, nullable=False),
    Column("problem", Text, nullable=False),
    UniqueConstraint("position", "destination"),
)

analyses = Table(
    "analyses",
    metadata,
    Column("deployment", Integer, primary_key=True, autoincrement=False),
    Column("service", String, primary_key=True),
    Column("document", Text, nullable=False),
    Column("sources", Text, nullable=False),
    Column("evidence", Text),
)

analysis_windows = Table(
    "analysis_windows",
    metadata,
    Column("number", Integer, primary_key=True, autoincrement=True),
    Column("deployment", Integer, nullable=False),
    Column("service", String, nullable=False),
    Column("document", Text, nullable=False),
    Index("ix_analysis_windows_of", "deployment", "service"),
)

tokens = Table(
    "tokens",
    metadata,
    Column("number", Integer, primary_key=True, autoincrement=True),
    Column("name", String, nullable=False, index=True),
    Column("digest", String, nullable=False, unique=True),
    Column("environments", JSON, nullable=False),
    Column("rights", JSON, nullable=False, server_default="[]"),
    Column("created_by", String, nullable=False),
    Column("created_at", DateTime(timezone=True), nullable=False),
    Column("expires_at", DateTime(timezone=True)),
    Column("revoked_at", DateTime(timezone=True)),
    sqlite_autoincrement=True,
)

incidents = Table(
    "incidents",
    metadata,
    Column("environment", String, primary_key=True),
    Column("number", Integer, primary_key=True, autoincrement=False),
    Column("deployment", Integer),
    Column("opened_at", DateTime(timezone=True), nullable=False),
    Column("resolved_at", DateTime(timezone=True)),
    Column("document", Text, nullable=False),
    Index("ix_incidents_opened", "opened_at"),
)

traffic = Table(
    "traffic",
    metadata,
    Column("environment", String, primary_key=True),
    Column("service", String, primary_key=True),
    Column("began_at", DateTime(timezone=True), primary_key=True),
    Column("label", String, primary_key=True),
    Column("width_seconds", Integer, primary_key=True, autoincrement=False),
    Column("seconds", Float, nullable=False),
    Column("requests", BigInteger, nullable=False),
    Column("errors", BigInteger, nullable=False),
    Column("slow", JSON, nullable=False),
    Index("ix_traffic_age", "width_seconds", "began_at"),
)
