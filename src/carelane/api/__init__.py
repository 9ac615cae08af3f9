"""HTTP under /api/v1, over a unix socket: one file a noun."""
