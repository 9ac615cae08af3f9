"""``python -m reminders``: send reminders until a signal."""

from reminders import deliveries, settings, worker
from service_kit import logs, programs


def main() -> None:
    """Read the settings, then work until a signal."""
    worker.block_stop_signals()
    configured = programs.read_or_exit(settings.read)
    logs.configure(configured.service)
    path = configured.log_path
    gateway = deliveries.DeliveryLog(path) if path else deliveries.Announcements()
    worker.run(configured, gateway)


if __name__ == "__main__":
    main()
