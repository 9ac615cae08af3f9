"""The clinic's records and appointments behind an HTTP API."""
