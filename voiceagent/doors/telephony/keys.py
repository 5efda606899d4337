"""The keys of a telephone."""

from voiceagent.doors.errors import BadRequestError

KEYS = "0123456789*#ABCD"


def key_of(value: object) -> str:
    """Return a key that was pressed (DTMF). Raises BadRequestError for anything else."""
    if not isinstance(value, str) or len(value) != 1 or value not in KEYS:
        raise BadRequestError("bad_key", f"{str(value)[:20]!r} is no key of a telephone: send one of {KEYS}.")
    return value
