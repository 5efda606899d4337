"""JSON as clients send it, in bodies and messages.

An escaped half of a surrogate pair is JSON and no character: whatever writes or tokenises it later fails. It is refused
here, where the client can be told.
"""

import json
from typing import Any

from voiceagent.doors.errors import BadRequestError


def json_of(text: str | bytes, what: str = "message") -> Any:
    """Return the value that `what` holds. Raises BadRequestError, `bad_json`, where it is not JSON in UTF-8."""
    try:
        text = text if isinstance(text, str) else text.decode("utf-8-sig")
        value = json.loads(text)
        if "\\ud" in text or "\\uD" in text:
            json.dumps(value, ensure_ascii=False).encode()
    except UnicodeEncodeError as error:
        raise BadRequestError("bad_json", f"The {what} holds half of a surrogate pair: no character.") from error
    except (ValueError, RecursionError) as error:
        raise BadRequestError("bad_json", f"The {what} is not JSON: {error}.") from error
    return value
