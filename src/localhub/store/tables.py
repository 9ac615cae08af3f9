"""The tables, declared once. Records are documents; columns repeat what is asked for."""

import sqlalchemy as sa

metadata = sa.MetaData()

counters = sa.Table(
    "counters",
    metadata,
    sa.Column("kind", sa.String, primary_key=True),
    sa.Column("value", sa.Integer, nullable=False),
)

repositories = sa.Table(
    "repositories",
    metadata,
    sa.Column("name", sa.String, primary_key=True),  # owner/name
    sa.Column("id", sa.Integer, nullable=False, unique=True),
    sa.Column("document", sa.Text, nullable=False),
)

workflows = sa.Table(
    "workflows",
    metadata,
    sa.Column("id", sa.Integer, primary_key=True),
    sa.Column("repository", sa.String, nullable=False, index=True),
    sa.Column("path", sa.String, nullable=False),
    sa.Column("document", sa.Text, nullable=False),
    sa.UniqueConstraint("repository", "path"),
)

runs = sa.Table(
    "runs",
    metadata,
    sa.Column("id", sa.Integer, primary_key=True),
    sa.Column("repository", sa.String, nullable=False, index=True),
    sa.Column("workflow_id", sa.Integer, nullable=False, index=True),
    sa.Column("status", sa.String, nullable=False, index=True),
    sa.Column("conclusion", sa.String),
    sa.Column("event", sa.String, nullable=False),
    sa.Column("branch", sa.String, nullable=False),
    sa.Column("sha", sa.String, nullable=False),
    sa.Column("actor", sa.String, nullable=False),
    sa.Column("created_at", sa.String, nullable=False),
    sa.Column("pull_request", sa.Integer),
    sa.Column("document", sa.Text, nullable=False),
)

jobs = sa.Table(
    "jobs",
    metadata,
    sa.Column("id", sa.Integer, primary_key=True),
    sa.Column("run_id", sa.Integer, nullable=False, index=True),
    sa.Column("attempt", sa.Integer, nullable=False),
)

artifacts = sa.Table(
    "artifacts",
    metadata,
    sa.Column("id", sa.Integer, primary_key=True),
    sa.Column("repository", sa.String, nullable=False, index=True),
    sa.Column("run_id", sa.Integer, nullable=False, index=True),
    sa.Column("job_id", sa.Integer, nullable=False),
    sa.Column("name", sa.String, nullable=False),
    sa.Column("size_bytes", sa.Integer, nullable=False),
    sa.Column("created_at", sa.String, nullable=False),
    sa.Column("sha", sa.String, nullable=False),
)

caches = sa.Table(
    "caches",
    metadata,
    sa.Column("id", sa.Integer, primary_key=True),
    sa.Column("repository", sa.String, nullable=False, index=True),
    sa.Column("ref", sa.String, nullable=False),
    sa.Column("key", sa.String, nullable=False),
    sa.Column("version", sa.String, nullable=False),
    sa.Column("size_bytes", sa.Integer, nullable=False),
    sa.Column("created_at", sa.String, nullable=False),
    sa.Column("used_at", sa.String, nullable=False),
    sa.UniqueConstraint("repository", "ref", "key", "version"),
)

documents = sa.Table(  # pull requests, environments, deployments: few of a kind, asked for by repository
    "documents",
    metadata,
    sa.Column("kind", sa.String, primary_key=True),
    sa.Column("repository", sa.String, primary_key=True),
    sa.Column("key", sa.String, primary_key=True),
    sa.Column("document", sa.Text, nullable=False),
)
