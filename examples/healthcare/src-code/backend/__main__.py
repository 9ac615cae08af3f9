"""``python -m backend``: serve the API."""

from backend import settings
from service_kit import logs, programs, servers


def main() -> None:
    """Read the settings, then serve until a signal."""
    configured = programs.read_or_exit(settings.read)
    logs.configure(configured.service)
    # Only now: wrong settings are refused without waiting for the framework to load.
    from backend import applications  # noqa: PLC0415

    servers.serve(applications.make(configured), configured.service, applications.PATHS)


if __name__ == "__main__":
    main()
