"""Carelane: the delivery of a healthcare system, from commit to production and back."""

__version__ = "0.3.0.dev0"
