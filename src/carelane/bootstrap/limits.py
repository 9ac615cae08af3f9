"""What the machine must allow this user for the system to run: looked at before anything is started."""

import os
import resource

from carelane.base.errors import InputError
from carelane.config.model import BackingService, Configuration

FILES = 256
"""Descriptors of the server: databases, sockets of the proxies, and a few dozen people and pipelines."""
ADDRESSES = 4 << 30
"""Bytes of addresses, which are no memory: a server at rest has 1.3 GiB of them, a proxy one."""
BESIDE = 50
"""Processes and threads of an environment beside its instances: proxies, what tells them, a database."""


def check(configuration: Configuration) -> None:
    """See to it that there is enough of everything; the server takes as many descriptors as it may.

    Raises:
        InputError: If there is not, with what to do.
    """
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if hard != resource.RLIM_INFINITY and hard < FILES:
        raise InputError(
            f"this user may open {hard} files at once, and the server needs {FILES}",
            hint=f"`ulimit -n {FILES}` before `carelane up`",
        )
    if soft != hard:
        resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    room, _ = resource.getrlimit(resource.RLIMIT_AS)
    if room not in {resource.RLIM_INFINITY, -1} and room < ADDRESSES:
        raise InputError(
            f"a process of this user may have {room >> 20} MiB of addresses, and the server needs"
            f" {ADDRESSES >> 20}: each of its threads takes eight",
            hint="`ulimit -v unlimited` before `carelane up`: it limits no memory that is used",
        )
    allowed, _ = resource.getrlimit(resource.RLIMIT_NPROC)
    wanted = processes(configuration)
    # Root is never refused a process.
    if os.geteuid() != 0 and allowed != resource.RLIM_INFINITY and wanted > allowed:
        raise InputError(
            f"this user may run {allowed} processes, and the system needs up to {wanted}",
            hint=f"`ulimit -u {wanted}` before `carelane up`, or fewer replicas",
        )


def processes(configuration: Configuration) -> int:
    """How many there may be at once: each instance beside its successor, each with its shim."""
    here = [each for each in configuration.environments.values() if each.platform == "processes"]
    instances = sum(
        environment.replicas.get(name, 1)
        for environment in here
        for name, service in configuration.services.items()
        if not isinstance(service, BackingService)
    )
    return instances * 2 * 2 + BESIDE * len(here)
