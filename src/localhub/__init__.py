"""localhub: GitHub Actions on one machine."""
