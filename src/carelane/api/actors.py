"""Who is asking: the user at the other end of the unix socket, as the kernel says."""

import asyncio
import pwd
import socket
import struct
from dataclasses import dataclass
from pathlib import PurePath
from typing import Annotated

from fastapi import Depends, Request
from starlette.types import Scope
from uvicorn.protocols.http.h11_impl import H11Protocol
from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol

from carelane.access.rights import ALL, Right
from carelane.api.limits import ASK_SECONDS, Connections
from carelane.base.errors import NotSignedIn
from carelane.bootstrap.places import USERS_SOCKET

_CREDENTIALS = struct.Struct("3i")
_OF_USERS = Connections(most=96, each=64)
_OF_PIPELINES = Connections(most=64, each=16)


BEARER = "bearer "
"""What the client's address begins with where a token says who asks."""
GRANTED = "carelane.rights"
"""Where a request's scope has the rights that its token gives."""


@dataclass(frozen=True)
class _Peer:
    """Who is at the other end, and where its connections are counted."""

    client: tuple[str, int]
    pid: int
    counted: Connections

    @classmethod
    def of(cls, transport: asyncio.Transport) -> "_Peer":
        """As the kernel says."""
        peer = transport.get_extra_info("socket")
        packed = peer.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, _CREDENTIALS.size)
        pid, uid, _ = _CREDENTIALS.unpack(packed)
        # By the name alone: a socket may have been bound by a shorter way to its folder.
        by_users = PurePath(str(peer.getsockname())).name == USERS_SOCKET
        client = ("uid", uid) if by_users else ("pipeline", 0)
        return cls(client, pid, _OF_USERS if by_users else _OF_PIPELINES)


class PeerProtocol(H11Protocol):
    """Uvicorn's protocol, with the peer's user id in the place of its address, and limits."""

    def connection_made(self, transport) -> None:  # type: ignore[no-untyped-def]  # noqa: ANN001 - as inherited
        """Note who connected; whoever did not come by the users' own socket has to bear a token."""
        super().connection_made(transport)
        self._peer = _Peer.of(transport)
        self.client = self._peer.client
        self._taken = self._peer.counted.take(self._peer.pid)
        self._unasked: asyncio.TimerHandle | None = None
        self._upgraded = False
        if self._taken:
            self._wait()
        else:
            transport.abort()

    def data_received(self, data: bytes) -> None:
        """As inherited; a request that has not come whole in time has not come."""
        super().data_received(data)
        if self._upgraded:
            return
        if self.cycle is not None and not self.cycle.response_complete:
            self._stop_waiting()
        elif self._unasked is None:
            self._wait()

    def connection_lost(self, exc: Exception | None) -> None:
        """As inherited; there is room for another."""
        self._stop_waiting()
        if self._taken:
            self._taken = False
            self._peer.counted.give(self._peer.pid)
        super().connection_lost(exc)

    def handle_websocket_upgrade(self, event) -> None:  # type: ignore[no-untyped-def]  # noqa: ANN001 - as inherited
        """As inherited; the connection is `PeerWebSocket`'s from now on, and given back by it."""
        self._stop_waiting()
        self._upgraded, self._taken = True, False
        super().handle_websocket_upgrade(event)

    def _wait(self) -> None:
        self._unasked = self.loop.call_later(ASK_SECONDS, self.transport.close)

    def _stop_waiting(self) -> None:
        if self._unasked is not None:
            self._unasked.cancel()
            self._unasked = None


class PeerWebSocket(WebSocketsSansIOProtocol):
    """Uvicorn's protocol for WebSockets, with the peer's user id in the place of its address."""

    def connection_made(self, transport) -> None:  # type: ignore[no-untyped-def]  # noqa: ANN001 - as inherited
        """Note who connected."""
        super().connection_made(transport)
        self._peer = _Peer.of(transport)
        self.client = self._peer.client

    def connection_lost(self, exc: Exception | None) -> None:
        """As inherited; there is room for another."""
        self._peer.counted.give(self._peer.pid)
        super().connection_lost(exc)


def actor_of(client: tuple[str, int] | None) -> str:
    """The name of the peer; raises NotSignedIn where the socket has none."""
    if client is not None and client[0].startswith(BEARER):
        return client[0].removeprefix(BEARER)
    if client is None or client[0] != "uid":
        raise NotSignedIn("nobody is signed in on this connection", hint="use the server's unix socket")
    try:
        return pwd.getpwuid(client[1]).pw_name
    except KeyError:
        return f"uid {client[1]}"


def _actor(request: Request) -> str:
    client = request.client
    return actor_of((client.host, client.port) if client else None)


def _by_token(request: Request) -> bool:
    return request.client is not None and request.client.host.startswith(BEARER)


def rights_of(scope: Scope) -> frozenset[Right]:
    """Of the owner all; of a token's bearer what it gives; of anybody else none."""
    by_token: frozenset[Right] | None = scope.get(GRANTED)
    owner = (scope.get("client") or ("",))[0] == "uid"
    return ALL if owner else by_token or frozenset()


def _rights(request: Request) -> frozenset[Right]:
    return rights_of(request.scope)


ByToken = Annotated[bool, Depends(_by_token)]
"""Whether a pipeline asks, by a token, and not a person."""
Actor = Annotated[str, Depends(_actor)]
Rights = Annotated[frozenset[Right], Depends(_rights)]
