"""The demo: a healthcare system through three environments, and four releases of it."""
