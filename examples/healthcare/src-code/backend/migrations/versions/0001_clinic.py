"""The clinic: people, patients, appointments, the access log and the outbox of reminders."""

from alembic import op

revision = "0001"
down_revision = None

# An exclusion constraint over (clinician, time) needs the extension btree_gist for the clinician's number,
# which not every PostgreSQL ships. Clinician and second are therefore laid on one line of numbers: clinician 7
# owns the seconds from 7 * 10^11 on, and two ranges overlap only if clinician and time do.
_NO_DOUBLE_BOOKING = """
ALTER TABLE appointments ADD CONSTRAINT appointments_no_double_booking EXCLUDE USING gist (
  int8range(
    clinician_id * 100000000000 + extract(epoch FROM starts_at AT TIME ZONE 'UTC')::bigint,
    clinician_id * 100000000000 + extract(epoch FROM ends_at AT TIME ZONE 'UTC')::bigint
  ) WITH &&
) WHERE (cancelled_at IS NULL)
"""

_STATEMENTS = (
    "CREATE TABLE clinicians (id integer PRIMARY KEY, name text NOT NULL, specialty text NOT NULL)",
    """
    CREATE TABLE users (
      username text PRIMARY KEY,
      name text NOT NULL,
      role text NOT NULL CHECK (role IN ('clinician', 'front_desk', 'privacy_officer')),
      clinician_id integer REFERENCES clinicians,
      password_hash text NOT NULL,
      CHECK ((role = 'clinician') = (clinician_id IS NOT NULL))
    )
    """,
    """
    CREATE TABLE patients (
      id integer PRIMARY KEY,
      family_name text NOT NULL,
      given_name text NOT NULL,
      born_on date NOT NULL,
      phone text NOT NULL,
      email text NOT NULL,
      clinical_summary text NOT NULL
    )
    """,
    "CREATE INDEX patients_by_name ON patients (family_name, given_name, id)",
    """
    CREATE TABLE appointments (
      id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
      clinician_id integer NOT NULL REFERENCES clinicians,
      patient_id integer NOT NULL REFERENCES patients,
      starts_at timestamptz NOT NULL,
      ends_at timestamptz NOT NULL,
      reason text NOT NULL,
      booked_by text NOT NULL REFERENCES users,
      booked_at timestamptz NOT NULL,
      cancelled_at timestamptz,
      cancelled_by text REFERENCES users,
      CHECK (ends_at > starts_at),
      CHECK (starts_at >= '2000-01-01Z' AND ends_at < '2200-01-01Z')
    )
    """,
    _NO_DOUBLE_BOOKING,
    "CREATE INDEX appointments_of_clinician ON appointments (clinician_id, starts_at) WHERE cancelled_at IS NULL",
    "CREATE INDEX appointments_of_patient ON appointments (patient_id, starts_at) WHERE cancelled_at IS NULL",
    "CREATE INDEX appointments_by_start ON appointments (starts_at, id) WHERE cancelled_at IS NULL",
    """
    CREATE TABLE record_accesses (
      id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
      patient_id integer NOT NULL REFERENCES patients,
      username text NOT NULL REFERENCES users,
      role text NOT NULL,
      read_at timestamptz NOT NULL
    )
    """,
    "CREATE INDEX record_accesses_of_patient ON record_accesses (patient_id, id)",
    """
    CREATE TABLE reminders (
      id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
      appointment_id bigint NOT NULL UNIQUE REFERENCES appointments,
      due_at timestamptz NOT NULL,
      state text NOT NULL CHECK (state IN ('pending', 'sent', 'dropped')),
      sent_at timestamptz,
      CHECK ((state = 'sent') = (sent_at IS NOT NULL))
    )
    """,
    "CREATE INDEX reminders_pending ON reminders (due_at, id) WHERE state = 'pending'",
)


def upgrade() -> None:
    """Make the tables."""
    for statement in _STATEMENTS:
        op.execute(statement)
