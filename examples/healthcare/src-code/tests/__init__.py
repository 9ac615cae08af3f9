"""Checks of the healthcare system."""
