"""What users get at a gateway, asked as they would."""

from collections.abc import Mapping

import httpx2

from carelane.base.errors import PlatformError


class FrontDoor:
    """Asks at the address where users come in; a host that is not its own is said as they would say it."""

    def __init__(self, client: httpx2.Client, address: str, hostname: str | None) -> None:
        self._client, self._address, self._hostname = client, address.rstrip("/"), hostname

    def __call__(self, path: str, headers: Mapping[str, str], timeout_seconds: float) -> tuple[int, bytes]:
        """GET *path* with some *headers*: status and body.

        Raises:
            PlatformError: If nobody answers in time.
        """
        said = {**({"host": self._hostname} if self._hostname else {}), **headers}
        try:
            answer = self._client.get(self._address + path, headers=said, timeout=timeout_seconds)
        except (httpx2.HTTPError, OSError) as error:
            raise PlatformError(f"nobody answers {path} at {self._address}: {error}") from error
        return answer.status_code, answer.content
