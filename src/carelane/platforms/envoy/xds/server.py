"""The process beside the proxies: answers their streams, and writes down what each of them took.

``python -m carelane.platforms.envoy.xds FOLDER``, kept by a shim in a session of its own: it outlives the
server as the proxies do. In FOLDER: ``wanted/``, the documents that the server writes (it sends SIGHUP after;
looked at once a second too); ``good/``, those as they could be read last; ``ads.sock``, where the proxies
ask; ``taken.json``, what each proxy took.
"""

import asyncio
import contextlib
import json
import logging
import os
import signal
import time
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import grpc
import grpc.aio

from carelane.base import json_files
from carelane.platforms.envoy.documents import GOOD, SOCKET, TAKEN, WANTED
from carelane.platforms.envoy.xds import messages
from carelane.platforms.envoy.xds.api import DISCOVERY
from carelane.platforms.envoy.xds.documents import Folder
from carelane.platforms.envoy.xds.streams import Answer, Request, Stream

PATROL_SECONDS = 1.0
GATHER_SECONDS = 0.002
SERVICE = DISCOVERY + "AggregatedDiscoveryService"
_KEEPALIVE = (("grpc.keepalive_time_ms", 5000), ("grpc.keepalive_timeout_ms", 2000))
log = logging.getLogger("xds")


class Connected:
    """One proxy that is connected."""

    def __init__(self) -> None:
        self.node = ""
        self.since = time.clock_gettime(time.CLOCK_BOOTTIME)
        self.stream = Stream()
        self.changed = asyncio.Event()


class Discovery:
    """The whole service."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._documents = Folder(folder / WANTED, folder / GOOD)
        self._snapshot = self._documents.read()
        self._connected: list[Connected] = []
        self._reported = ""
        self._reporting: asyncio.TimerHandle | None = None

    def look(self) -> None:
        """See what is wanted now, and tell every proxy what is new to it."""
        try:
            self._snapshot = self._documents.read()
        except OSError as error:
            log.error("the documents cannot be read: %s", error)  # noqa: TRY400 - its text says it all
            return
        for proxy in self._connected:
            proxy.changed.set()
        self._report_soon()

    async def deltas(self, requests: AsyncIterator[Any], context: Any) -> None:  # noqa: ANN401 - grpc's
        """One proxy's stream, until it ends."""
        proxy = Connected()
        self._connected.append(proxy)
        hearing = asyncio.create_task(self._hear(proxy, requests))
        try:
            while not hearing.done():
                await proxy.changed.wait()
                proxy.changed.clear()
                for answer in proxy.stream.due(self._snapshot):
                    await context.write(_response(answer))
        finally:
            hearing.cancel()
            self._connected.remove(proxy)
            self._report()

    async def _hear(self, proxy: Connected, requests: AsyncIterator[Any]) -> None:
        try:
            async for request in requests:
                proxy.node = proxy.node or request.node.id
                proxy.stream.hear(_request(request))
                proxy.changed.set()
                self._report_soon()
        finally:
            proxy.changed.set()

    def _report_soon(self) -> None:
        """A proxy that starts says hundreds of things at once: they are written down together."""
        if self._reporting is None:
            self._reporting = asyncio.get_running_loop().call_later(GATHER_SECONDS, self._report)

    def _report(self) -> None:
        """Write down what each proxy took, and refused."""
        if self._reporting is not None:
            self._reporting.cancel()
            self._reporting = None
        self._documents.keep()  # after the proxies were told: they do not wait for it
        documents = self._snapshot.documents
        said = {
            proxy.node: {
                "since": proxy.since,
                "taken": {name: d.version for name, d in documents.items() if proxy.stream.took(d)},
                "refused": {
                    name: [d.version, why]
                    for name, d in documents.items()
                    if (why := proxy.stream.refused(d))
                },
            }
            for proxy in self._connected
            if proxy.node
        }
        unreadable = {name: d.unreadable for name, d in documents.items() if d.unreadable}
        text = json.dumps({"proxies": said, "unreadable": unreadable})
        try:
            if text != self._reported or not (self._folder / TAKEN).is_file():
                json_files.put(self._folder / TAKEN, text.encode())
            # When it was last so, by the time since boot, which nobody sets.
            now = time.clock_gettime(time.CLOCK_BOOTTIME)
            os.utime(self._folder / TAKEN, (now, now))
        except OSError as error:  # said again within a second
            log.error("%s cannot be written: %s", TAKEN, error)  # noqa: TRY400
            return
        self._reported = text


def _request(said: Any) -> Request:  # noqa: ANN401 - a message
    return Request(
        said.type_url,
        tuple(said.resource_names_subscribe),
        tuple(said.resource_names_unsubscribe),
        dict(said.initial_resource_versions),
        said.response_nonce,
        said.error_detail.message if said.HasField("error_detail") else None,
    )


def _response(answer: Answer) -> Any:  # noqa: ANN401 - a message
    made = messages.new(DISCOVERY + "DeltaDiscoveryResponse")
    made.type_url, made.nonce = answer.type, answer.nonce
    made.removed_resources.extend(answer.removed)
    for resource in answer.resources:
        added = made.resources.add(name=resource.name, version=resource.version)
        added.resource.CopyFrom(resource.body)
    return made


async def serve(folder: Path) -> None:
    """Serve until SIGTERM."""
    os.chdir(folder)  # a socket's path is short, however deep the folder
    if (folder / SOCKET).is_dir():
        json_files.set_aside(folder / SOCKET, "it is a folder")
    (folder / WANTED).mkdir(exist_ok=True)
    discovery = Discovery(folder)
    request = messages.new(DISCOVERY + "DeltaDiscoveryRequest")
    handler: Any = grpc.stream_stream_rpc_method_handler(
        discovery.deltas,
        request_deserializer=type(request).FromString,
        response_serializer=lambda message: message.SerializeToString(),
    )
    server = grpc.aio.server(options=_KEEPALIVE)
    server.add_generic_rpc_handlers(
        (grpc.method_handlers_generic_handler(SERVICE, {"DeltaAggregatedResources": handler}),)
    )
    server.add_insecure_port(f"unix:{SOCKET}")
    await server.start()
    ended = asyncio.Event()
    loop = asyncio.get_running_loop()
    loop.add_signal_handler(signal.SIGHUP, discovery.look)
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, ended.set)
    while not ended.is_set():
        discovery.look()
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(ended.wait(), PATROL_SECONDS)
    await server.stop(None)
