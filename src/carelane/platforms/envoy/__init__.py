"""Envoy in front of an environment: file-based discovery, weights a version, per-version counts."""
