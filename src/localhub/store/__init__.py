"""Where localhub keeps what it knows: SQLite for records, folders for artifacts, caches and secrets."""
