"""The table of letters; safe to repeat."""

import os

import psycopg

with psycopg.connect(os.environ["DATABASE_URL"], autocommit=True) as connection:
    connection.execute(
        "CREATE TABLE IF NOT EXISTS letters (id serial PRIMARY KEY, done_by text[] NOT NULL DEFAULT '{}')"
    )
