"""One file over HTTP, resumed where it stopped: the only code that downloads, whatever the source.

`Fetcher.fetch` continues a partial file with a Range request, also one left by an earlier process, starts afresh when
the server does not honour it or the content changed (If-Range), and tries again when the connection breaks. It knows
nothing of models and hashes: what it leaves behind is checked by the store.
"""

import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Self

import httpx

from voiceagent import __version__
from voiceagent.weights.disk import require_space, writing
from voiceagent.weights.errors import WeightsError
from voiceagent.weights.progress import Reporter

RETRY_DELAYS_S = (1.0, 3.0, 8.0)
"""Waits between attempts that bring no byte; an attempt that brings some starts the count again."""


class RefusedError(WeightsError):
    """The server answered, and not with the file. `status` is the HTTP status, `code` the hub's own error code."""

    def __init__(self, host: str, response: httpx.Response) -> None:
        super().__init__(f"{host} answered {response.status_code} {response.reason_phrase}")
        self.status = response.status_code
        self.code = response.headers.get("x-error-code", "")


class _BrokenError(Exception):
    """This attempt ended early; another one may go on."""


class Fetcher:
    """A keep-alive HTTP client that downloads into partial files."""

    def __init__(
        self,
        reporter: Reporter,
        delays_s: Sequence[float] = RETRY_DELAYS_S,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self._reporter = reporter
        self._delays_s = delays_s
        self._sleep = sleep
        # identity: byte ranges count bytes as sent
        headers = {"User-Agent": f"voiceagent/{__version__}", "Accept-Encoding": "identity"}
        self._client = httpx.Client(headers=headers, follow_redirects=True, timeout=httpx.Timeout(60.0, connect=15.0))

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._client.close()

    def fetch(
        self, url: str, part: Path, label: str, size: int | None = None, headers: Mapping[str, str] | None = None
    ) -> None:
        """Bring `part` to the whole content of `url`. `size` is the exact number of bytes, where it is known.

        `headers` are sent to the host of `url`; httpx drops Authorization when a redirect leads to another host.
        Raises RefusedError, DiskFullError or WeightsError; a partial file is kept for the next time.
        """
        failures = 0
        while True:
            before = _length(part)
            try:
                return self._attempt(url, part, label, size, headers or {})
            except (httpx.TransportError, _BrokenError) as error:
                failures = failures + 1 if _length(part) <= before else 1
                reason = str(error) or type(error).__name__
            except (httpx.HTTPError, httpx.InvalidURL) as error:
                raise WeightsError(f"{_host(url)}: {error}") from error
            if failures > len(self._delays_s):
                raise WeightsError(f"no answer from {_host(url)} ({reason}): is this machine online?")
            delay_s = self._delays_s[failures - 1]
            self._reporter.say(f"{label}: {reason}; trying again in {delay_s:.0f} s")
            self._sleep(delay_s)

    def _attempt(self, url: str, part: Path, label: str, size: int | None, headers: Mapping[str, str]) -> None:
        have = _length(part)
        if size is not None and have == size:
            return
        if size is not None and have > size:
            part.unlink()
            have = 0
        tag = part.with_name(f"{part.name}.etag")
        asked = dict(headers)
        if have:
            asked["Range"] = f"bytes={have}-"
            if tag.is_file():
                asked["If-Range"] = tag.read_text(encoding="ascii")
        with self._client.stream("GET", url, headers=asked) as response:
            start = _start(response, part, _host(url))
            if start is None:
                return
            length = response.headers.get("content-length", "")
            total = start + int(length) if length.isdecimal() else size
            if size is not None and total != size:
                raise WeightsError(f"{_host(url)} offers {total:,} bytes where {size:,} are pinned")
            require_space(part.parent, (total or start) - start, label)
            with writing(part), part.open("ab" if start else "wb") as out:
                _remember(tag, response.headers.get("etag", ""))
                with self._reporter.bar(label, start, total) as advance:
                    for (
                        chunk
                    ) in response.iter_raw():  # as they come: a chunk size would hold back what a break then loses
                        out.write(chunk)
                        advance(len(chunk))
        if total is not None and _length(part) < total:
            raise _BrokenError("it ended early")


def _start(response: httpx.Response, part: Path, host: str) -> int | None:
    """The offset at which the response's bytes belong; None when the partial file is already complete."""
    have = _length(part)
    span = response.headers.get("content-range", "")
    match response.status_code:
        case 200:
            return 0
        case 206 if span.startswith(f"bytes {have}-"):
            return have
        case 416 if span == f"bytes */{have}":
            return None
        case 206 | 416:
            part.unlink(missing_ok=True)
            raise _BrokenError(f"{host} cannot continue at byte {have:,}")
        case 429 | 500 | 502 | 503 | 504:
            raise _BrokenError(f"{response.status_code} {response.reason_phrase}")
        case _:
            raise RefusedError(host, response)


def _length(part: Path) -> int:
    return part.stat().st_size if part.is_file() else 0


def _remember(tag: Path, etag: str) -> None:
    if etag.startswith('"') and etag.isascii():  # a weak tag says nothing about bytes
        tag.write_text(etag, encoding="ascii")
    else:
        tag.unlink(missing_ok=True)


def _host(url: str) -> str:
    """The host alone: the rest of an address may hold credentials or a signature."""
    return url.partition("://")[2].partition("/")[0].rpartition("@")[2] or url
