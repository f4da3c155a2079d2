"""States the desk's tables; every time in them is seconds since 1970 in UTC."""

from sqlalchemy import Boolean, Column, Double, ForeignKey, Integer, MetaData, String, Table, Text

METADATA = MetaData()

USERS = Table(
    "users",
    METADATA,
    Column("name", String(64), primary_key=True),
    Column("password", String(200), nullable=False),  # argon2's own text, with salt and costs
    Column("role", String(8), nullable=False),
)

# The digest alone: who reads the database cannot take over a session.
SESSIONS = Table(
    "sessions",
    METADATA,
    Column("digest", String(64), primary_key=True),
    Column("user", ForeignKey("users.name", ondelete="CASCADE"), nullable=False),
    Column("csrf", String(64), nullable=False),
    Column("ends", Double, nullable=False),
)

FAILURES = Table(
    "login_failures",
    METADATA,
    Column("number", Integer, primary_key=True),
    Column("key", String(200), nullable=False, index=True),  # a user's name or an address
    Column("at", Double, nullable=False),
)

# What is judged: alerts, and clips cut from kept footage.
CLIPS = Table(
    "clips",
    METADATA,
    Column("number", Integer, primary_key=True),  # the order in which they came
    Column("id", String(200), nullable=False, unique=True),
    Column("kind", String(8), nullable=False),  # alert, audit, near or missed
    Column("folder", Text, nullable=False),  # below the live folder
    Column("camera", String(200), nullable=False, index=True),
    Column("begin", Double, nullable=False),  # of what the clip is about
    Column("end", Double, nullable=False),
    Column("raised", Double, nullable=False),
    Column("start_s", Double, nullable=False),  # the same, in seconds of the film
    Column("end_s", Double, nullable=False),
    Column("duration_s", Double, nullable=False),
    Column("score", Double),
    Column("threshold", Double),
    Column("model", String(200), nullable=False),
    Column("shadow", Boolean, nullable=False),
    Column("stored", Boolean, nullable=False),  # false: its files were deleted
    Column("held", Boolean, nullable=False),
)

# Rows are added and struck out, never changed: the current verdict is the last that stands.
VERDICTS = Table(
    "verdicts",
    METADATA,
    Column("number", Integer, primary_key=True),
    Column("clip", ForeignKey("clips.id"), nullable=False, index=True),
    Column("verdict", String(12), nullable=False),
    Column("start_s", Double, nullable=False),  # of the theft, in seconds of the film
    Column("end_s", Double, nullable=False),
    Column("who", String(64), nullable=False),
    Column("at", Double, nullable=False),
    Column("undone", Boolean, nullable=False),
)

SEEN = Table(
    "seen",
    METADATA,
    Column("clip", ForeignKey("clips.id"), primary_key=True),
    Column("who", String(64), primary_key=True),
    Column("at", Double, nullable=False),
)

REMARKS = Table(
    "remarks",
    METADATA,
    Column("number", Integer, primary_key=True),
    Column("clip", ForeignKey("clips.id"), nullable=False, index=True),
    Column("kind", String(12), nullable=False),  # note, escalation, hold or release
    Column("text", Text, nullable=False),
    Column("who", String(64), nullable=False),
    Column("at", Double, nullable=False),
)

# A theft that staff staged in front of a camera, to see whether it is caught.
STAGED = Table(
    "staged",
    METADATA,
    Column("number", Integer, primary_key=True),
    Column("camera", String(200), nullable=False, index=True),
    Column("at", Double, nullable=False),
    Column("who", String(64), nullable=False),
)

# A camera's day of which samples were drawn: how many stretches without alert there were.
SAMPLED = Table(
    "sampled",
    METADATA,
    Column("camera", String(200), primary_key=True),
    Column("day", Double, primary_key=True, autoincrement=False),
    Column("windows", Integer, nullable=False),
    Column("seconds", Double, nullable=False),
)

LOG = Table(
    "log",
    METADATA,
    Column("number", Integer, primary_key=True, autoincrement=False),
    Column("at", Double, nullable=False),
    Column("who", String(64), nullable=False),
    Column("action", String(40), nullable=False, index=True),
    Column("subject", String(200), nullable=False, index=True),
    Column("detail", Text, nullable=False),
    Column("digest", String(64), nullable=False),
)

# One row: the log's last number and digest. Whoever changes anything locks it first.
HEAD = Table(
    "head",
    METADATA,
    Column("id", Integer, primary_key=True, autoincrement=False),
    Column("number", Integer, nullable=False),
    Column("digest", String(64), nullable=False),
)
