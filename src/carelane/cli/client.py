"""Speaking to the server of the system one stands in."""

import http.client
import json
import secrets
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlencode

from carelane.base.errors import BY_EXIT_CODE, CarelaneError, NotFoundError, PlatformError, Unavailable
from carelane.base.unix_http import UnixHTTPConnection

FILE = "carelane.yaml"
PATIENCE_SECONDS = 900.0


def find_system(directory: str) -> Path:
    """The folder with carelane.yaml at or above *directory*.

    Raises:
        NotFoundError: If there is none.
    """
    here = Path(directory).resolve()
    for folder in (here, *here.parents):
        if (folder / FILE).is_file():
            return folder
    raise NotFoundError(
        f"no {FILE} in {here} or above it", hint="go to your system's folder, or name it with -C FOLDER"
    )


class Client:
    """One conversation with the server."""

    def __init__(self, directory: str) -> None:
        self.system = find_system(directory)
        self.socket = self.system / ".carelane" / "run" / "api.sock"

    def get(self, path: str, **query: object) -> Any:  # noqa: ANN401 - JSON is of any shape
        """The answer to GET; raises the error that the server tells of."""
        return self._ask("GET", path, None, query)

    def post(self, path: str, body: dict[str, Any] | None = None) -> Any:  # noqa: ANN401 - JSON is of any shape
        """The answer to POST, under a fresh idempotency key."""
        return self._ask("POST", path, body or {})

    def lines(self, path: str, **query: object) -> Iterator[str]:
        """The answer to GET, line by line as it comes."""
        connection = self._connect()
        try:
            connection.request("GET", f"/api/v1{_with(path, query)}")
            response = connection.getresponse()
            if response.status >= 400:
                raise _told(response.status, response.read())
            for line in response:
                yield line.decode(errors="replace").rstrip("\n")
        except (OSError, http.client.HTTPException) as error:
            raise self._silent(error) from error
        finally:
            connection.close()

    def answers(self) -> bool:
        """Whether a server is there."""
        try:
            self.get("/system")
        except CarelaneError:
            return False
        return True

    def _ask(
        self, method: str, path: str, body: dict[str, Any] | None, query: dict[str, object] | None = None
    ) -> Any:  # noqa: ANN401 - JSON is of any shape
        headers = {"Content-Type": "application/json"}
        if method == "POST":
            headers["Idempotency-Key"] = secrets.token_hex(8)
        connection = self._connect()
        try:
            payload = None if body is None else json.dumps(body)
            connection.request(method, f"/api/v1{_with(path, query or {})}", payload, headers)
            response = connection.getresponse()
            status, text = response.status, response.read()
        except (OSError, http.client.HTTPException) as error:
            raise self._silent(error) from error
        finally:
            connection.close()
        if status >= 400:
            raise _told(status, text)
        return json.loads(text)

    def _connect(self) -> UnixHTTPConnection:
        return UnixHTTPConnection(self.socket, PATIENCE_SECONDS)

    def _silent(self, error: Exception) -> Unavailable:
        return Unavailable(
            f"no server answers for {self.system} ({error.__class__.__name__})",
            hint="`carelane up --detach` starts it",
        )


def _with(path: str, query: dict[str, object]) -> str:
    path = quote(path)
    given = {k: str(v).lower() if isinstance(v, bool) else v for k, v in query.items() if v is not None}
    return f"{path}?{urlencode(given)}" if given else path


def _told(status: int, text: bytes) -> CarelaneError:
    """The server's problem as the error it was."""
    try:
        problem = json.loads(text)
        kind = BY_EXIT_CODE.get(problem["exit_code"], CarelaneError)
        return kind(problem["detail"], hint=problem.get("hint", ""))
    except (ValueError, KeyError, TypeError):
        return PlatformError(f"the server answered {status} without saying why")
