"""Who is asking: the user at the other end of the unix socket, as the kernel says."""

import pwd
import socket
import struct
from pathlib import PurePath
from typing import Annotated

from fastapi import Depends, Request
from uvicorn.protocols.http.h11_impl import H11Protocol

from carelane.base.errors import NotSignedIn
from carelane.bootstrap.places import USERS_SOCKET

_CREDENTIALS = struct.Struct("3i")
_BEARER = "bearer "
"""How the client's address begins where a token was borne: the kernel's own never does."""


class PeerProtocol(H11Protocol):
    """Uvicorn's protocol, with the peer's user id in the place of its address."""

    def connection_made(self, transport) -> None:  # type: ignore[no-untyped-def]  # noqa: ANN001 - as inherited
        """Note who connected; whoever did not come by the users' own socket has to bear a token."""
        super().connection_made(transport)
        peer = transport.get_extra_info("socket")
        # By the name alone: a socket may have been bound by a shorter way to its folder.
        if PurePath(str(peer.getsockname())).name != USERS_SOCKET:
            self.client = ("pipeline", 0)
            return
        packed = peer.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, _CREDENTIALS.size)
        _, uid, _ = _CREDENTIALS.unpack(packed)
        self.client = ("uid", uid)


def actor_of(client: tuple[str, int] | None) -> str:
    """The name of the peer; raises NotSignedIn where the socket has none."""
    if client is not None and client[0].startswith(_BEARER):
        return client[0].removeprefix(_BEARER)
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
    return request.client is not None and request.client.host.startswith(_BEARER)


ByToken = Annotated[bool, Depends(_by_token)]
"""Whether a pipeline asks, by a token, and not a person."""
Actor = Annotated[str, Depends(_actor)]
