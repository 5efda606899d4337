"""Languages as Home Assistant names them: de, de-DE, de_CH."""

from collections.abc import Collection

from voiceagent.doors.errors import BadRequestError


def language_among(known: Collection[str], asked: object) -> str | None:
    """Return the language asked for as an ISO 639-1 code, None for none.

    Raises BadRequestError, listing the known ones, for another; where none are known, any will do.
    """
    if asked is None:
        return None
    code = str(asked).replace("_", "-").partition("-")[0].lower()
    if known and code not in known:
        raise BadRequestError(
            "unknown-language", f"The language {str(asked)[:20]!r} is not offered; there is {', '.join(known)}."
        )
    return code
