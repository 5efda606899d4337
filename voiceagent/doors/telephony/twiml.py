"""TwiML: what Twilio is told to do with a call."""

from collections.abc import Iterable
from xml.sax.saxutils import quoteattr

_HEAD = '<?xml version="1.0" encoding="UTF-8"?>'


def connect(stream_url: str, parameters: Iterable[tuple[str, str]]) -> str:
    """Return the answer that connects a call to a stream, both ways."""
    given = "".join(f"<Parameter name={quoteattr(name)} value={quoteattr(value)}/>" for name, value in parameters)
    return f"{_HEAD}<Response><Connect><Stream url={quoteattr(stream_url)}>{given}</Stream></Connect></Response>"


def busy() -> str:
    """Return the answer that lets the caller hear the busy signal."""
    return f'{_HEAD}<Response><Reject reason="busy"/></Response>'
