"""The Sender port over Apprise, imported when there is first something to send."""

from collections.abc import Callable, Mapping


class AppriseSender:
    """Sends to destinations by name; an address is read when it is needed and kept nowhere."""

    def __init__(self, addresses: Mapping[str, Callable[[], str]]) -> None:
        self._addresses = addresses

    def use(self, addresses: Mapping[str, Callable[[], str]]) -> None:
        """From now on send to these *addresses*."""
        self._addresses = addresses

    def send(self, destination: str, title: str, body: str) -> str:
        """Send; what went wrong, or nothing. The address itself is never part of it."""
        import apprise

        read = self._addresses.get(destination)
        if read is None:
            return f"{destination} is no longer in carelane.yaml"
        try:
            address = read()
        except OSError as error:
            return f"the address of {destination} cannot be read: {error.strerror}"
        channel = apprise.Apprise()
        if not channel.add(address):
            return f"the address of {destination} is none that Apprise knows"
        return "" if channel.notify(body=body, title=title) else f"{destination} did not take it"
