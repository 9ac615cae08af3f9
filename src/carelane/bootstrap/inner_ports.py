"""The inner address of each web service of an environment: chosen once, then kept, for instances know it."""

from collections.abc import Callable, Mapping
from pathlib import Path

from carelane.base import json_files
from carelane.base.errors import ConflictError
from carelane.platforms.processes.tcp_ports import Ports, holder, is_free


class InnerPorts:
    """What an environment's file says of its inner ports."""

    def __init__(
        self, file: Path, environment: str, ports: Ports, told: Callable[[], Mapping[str, int]]
    ) -> None:
        """*told* is what the instances that are there were told: by it a file that is lost is made again."""
        self._file = file
        self._environment = environment
        self._ports = ports
        known = json_files.read(file)
        self._known: dict[str, int] = dict(told())
        if known is not None:
            self._known.update((name, port) for name, port in known.items() if isinstance(port, int))
        for port in self._known.values():
            ports.reserve(port)

    def of(self, services: list[str], listening: bool, instances: bool) -> dict[str, int]:
        """The port of each of *services*; another where its own was taken and nobody counts on it.

        *listening* is whether this environment's proxies are, *instances* whether any of its runs.

        Raises:
            ConflictError: If a port was taken that running instances were told of.
        """
        for service in services:
            port = self._known.get(service)
            if port is not None and (listening or is_free(port)):
                continue
            if port is not None and instances:
                who = holder(port)
                raise ConflictError(
                    f"port {port}, at which {self._environment} reaches {service}, is taken by {who}",
                    hint="end that program: the instances that run were told of this port",
                )
            self._known[service] = self._ports.choose()
            self._ports.reserve(self._known[service])
        json_files.write(self._file, self._known)
        return {service: self._known[service] for service in services}
