"""The outbox in the database: reminders that the backend wrote along with their appointments."""

from psycopg import Connection

from reminders import deliveries

# SKIP LOCKED lets several workers share the outbox: each takes a row that nobody else holds.
_CLAIM = """
SELECT r.id, r.appointment_id, a.patient_id, a.starts_at
FROM reminders r JOIN appointments a ON a.id = r.appointment_id
WHERE r.state = 'pending' AND r.due_at <= now() AND a.starts_at > now()
ORDER BY r.due_at, r.id LIMIT 1
FOR UPDATE OF r SKIP LOCKED
"""
_SENT = "UPDATE reminders SET state = 'sent', sent_at = now() WHERE id = %s"
# Too late to help anybody: the worker was away until the appointment had begun.
_DROP_LATE = """
UPDATE reminders SET state = 'dropped' WHERE id IN (
  SELECT r.id FROM reminders r JOIN appointments a ON a.id = r.appointment_id
  WHERE r.state = 'pending' AND a.starts_at <= now() LIMIT 500 FOR UPDATE OF r SKIP LOCKED
)
"""


def send_next(connection: Connection, gateway: deliveries.Gateway) -> bool:
    """Deliver the reminder that is due longest; False when none is due.

    The row stays locked until it is marked, so nobody else can take it. A crash between delivery and
    mark frees the row as it was, pending; whoever takes it next asks the gateway to deliver, and the
    gateway finds it delivered.
    """
    with connection.transaction():
        row = connection.execute(_CLAIM).fetchone()
        if row is None:
            connection.execute(_DROP_LATE)
            return False
        reminder = deliveries.Reminder(*row)
        gateway.deliver(reminder)
        connection.execute(_SENT, (reminder.id,))
    return True
