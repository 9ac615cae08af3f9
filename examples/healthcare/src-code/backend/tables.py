"""The tables, declared once. The migrations make them; this is how the code speaks of them."""

from sqlalchemy import BigInteger, Column, Date, DateTime, ForeignKey, Integer, MetaData, Table, Text, Uuid, text

metadata = MetaData()

clinicians = Table(
    "clinicians",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("name", Text, nullable=False),
    Column("specialty", Text, nullable=False),
)

users = Table(
    "users",
    metadata,
    Column("username", Text, primary_key=True),
    Column("name", Text, nullable=False),
    Column("role", Text, nullable=False),
    Column("clinician_id", ForeignKey(clinicians.c.id)),
    Column("password_hash", Text, nullable=False),
)

patients = Table(
    "patients",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("family_name", Text, nullable=False),
    Column("given_name", Text, nullable=False),
    Column("born_on", Date, nullable=False),
    Column("phone", Text, nullable=False),
    Column("email", Text, nullable=False),
    Column("clinical_summary", Text, nullable=False),
)

appointments = Table(
    "appointments",
    metadata,
    Column("id", BigInteger, primary_key=True),
    Column("clinician_id", ForeignKey(clinicians.c.id), nullable=False),
    Column("patient_id", ForeignKey(patients.c.id), nullable=False),
    Column("starts_at", DateTime(timezone=True), nullable=False),
    Column("ends_at", DateTime(timezone=True), nullable=False),
    Column("reason", Text, nullable=False),
    Column("booked_by", ForeignKey(users.c.username), nullable=False),
    Column("booked_at", DateTime(timezone=True), nullable=False),
    Column("cancelled_at", DateTime(timezone=True)),
    Column("cancelled_by", ForeignKey(users.c.username)),
)

record_accesses = Table(
    "record_accesses",
    metadata,
    Column("id", BigInteger, primary_key=True),
    Column("patient_id", ForeignKey(patients.c.id), nullable=False),
    Column("username", ForeignKey(users.c.username), nullable=False),
    Column("role", Text, nullable=False),
    Column("read_at", DateTime(timezone=True), nullable=False),
)

# The outbox: written with the appointment in one transaction, emptied by the reminders service. Its numbers are
# unique across databases, for the log of deliveries outlives them.
reminders = Table(
    "reminders",
    metadata,
    Column("id", Uuid, primary_key=True, server_default=text("gen_random_uuid()")),
    Column("appointment_id", ForeignKey(appointments.c.id), nullable=False, unique=True),
    Column("due_at", DateTime(timezone=True), nullable=False),
    Column("state", Text, nullable=False),
    Column("sent_at", DateTime(timezone=True)),
)
