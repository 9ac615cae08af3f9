"""The schema's history, and the command that brings a database up to date.

Migrations only expand: the version before must still run on the schema of the version after.
"""
