"""The operations guide, line by line: one test a line, named after its number."""
