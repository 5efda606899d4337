"""Whether a request was signed by Twilio: HMAC-SHA1 over the address and the form, with the account's auth token.

https://www.twilio.com/docs/usage/security#validating-requests
"""

import base64
import hashlib
import hmac
from collections.abc import Iterable, Sequence
from urllib.parse import urlsplit, urlunsplit

HEADER = "X-Twilio-Signature"
_PORTS = {"https": 443, "wss": 443, "http": 80, "ws": 80}


def signature(token: str, url: str, form: Iterable[tuple[str, str]] = ()) -> str:
    """Return what Twilio sends in its header for a request to `url` with the fields of a form."""
    signed = url + "".join(name + value for name, value in sorted(set(form)))
    return base64.b64encode(hmac.new(token.encode(), signed.encode(), hashlib.sha1).digest()).decode()


def is_signed(token: str, given: str, urls: Sequence[str], form: Sequence[tuple[str, str]] = ()) -> bool:
    """Return whether `given` is the signature of one of the addresses, with or without its usual port."""
    candidates = [variant for url in urls for variant in (url, *_other_port(url))]
    return any(hmac.compare_digest(signature(token, url, form).encode(), given.encode()) for url in candidates)


def _other_port(url: str) -> list[str]:
    """Return the address with the usual port spelt out, or left out: Twilio signs either."""
    parts = urlsplit(url)
    usual = _PORTS.get(parts.scheme)
    if usual is None or parts.port not in (None, usual):
        return []
    netloc = parts.netloc.removesuffix(f":{usual}") if parts.port else f"{parts.netloc}:{usual}"
    return [urlunsplit(parts._replace(netloc=netloc))]
