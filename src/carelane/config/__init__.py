"""carelane.yaml: read once, and refused with file, line and column where it is wrong."""
