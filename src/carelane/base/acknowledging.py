"""How what is typed into a command comes to it over a WebSocket, so that neither side waits for the other.

Who sends more than is read is held up with its connection, and then reads nothing itself: where the command,
too, says more than is read, both would wait for ever. So a message is acknowledged once the command has it,
and no more than `MOST_AHEAD` are on their way.
"""

ACKNOWLEDGED = "carelane.acknowledged"
"""The WebSocket subprotocol by which both sides know that the other does so; earlier ones do not."""
MOST_AHEAD = 32
"""Messages that are not acknowledged yet: fewer than the server takes in before it stops reading."""
