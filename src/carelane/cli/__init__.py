"""The command line: a thin client of the server, one file a noun, imported only when it runs."""
