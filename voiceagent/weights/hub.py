"""Files of Hugging Face repositories, through `huggingface_hub`: found in the user's cache, else downloaded.

The library knows the hub's address (`HF_ENDPOINT`), the token (`HF_TOKEN`, or that of `hf auth login`), the cache
(`HF_HUB_CACHE`, `HF_HOME`), offline mode (`HF_HUB_OFFLINE`), and the size and hash of a file before it is fetched. The
bytes are received here: the library's own download starts from zero after an interruption, which hurts at 30 GB.
"""

import hashlib
import os
import re
import time
from collections.abc import Callable, Sequence
from pathlib import Path

from httpx2 import HTTPError, InvalidURL, TransportError
from huggingface_hub import (
    constants,
    get_hf_file_metadata,
    get_session,
    get_token,
    hf_hub_url,
    hf_raise_for_status,
    try_to_load_from_cache,
)
from huggingface_hub.errors import HfHubHTTPError, HFValidationError, OfflineModeIsEnabled
from huggingface_hub.utils import build_hf_headers

from voiceagent import __version__
from voiceagent.weights.disk import require_space, writing
from voiceagent.weights.errors import WeightsError
from voiceagent.weights.manifest import HubSource, ModelFile
from voiceagent.weights.progress import Reporter

HUB = "https://huggingface.co"
OTHER_TOKEN_VARIABLE = "HUGGINGFACE_ACCESS_TOKEN"
"""Used when the library finds no token."""

RETRY_DELAYS_S = (1.0, 3.0, 8.0)
"""Waits between attempts that receive no byte; one that receives some resets the count."""

_BUSY = (408, 429, 500, 502, 503, 504)
_SHA256 = re.compile(r"[0-9a-f]{64}")


def cached(source: HubSource) -> Path | None:
    """Return the file in the user's Hugging Face cache, None where it is not there at this revision."""
    try:
        found = try_to_load_from_cache(source.repo, source.path, revision=source.revision)
    except (HFValidationError, OSError):
        return None
    return Path(found) if isinstance(found, str) else None


class _BrokenError(Exception):
    """This attempt ended early; another one may resume."""


class Hub:
    """Downloads into partial files, resumes those of an earlier process, and retries when the connection breaks."""

    def __init__(
        self,
        reporter: Reporter,
        delays_s: Sequence[float] = RETRY_DELAYS_S,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self._reporter = reporter
        self._delays_s = delays_s
        self._sleep = sleep
        self._received = 0

    def fetch(self, source: HubSource, file: ModelFile, downloads: Path, title: str) -> tuple[Path, ModelFile]:
        """Return the file below `downloads`, and what it must be: `file`, with the hub's values for what is not pinned.

        Raises DiskFullError or WeightsError; a partial file is kept for the next time.
        """
        host = constants.ENDPOINT.partition("://")[2].rpartition("@")[2]
        failures = 0
        while True:
            before = self._received
            try:
                return self._attempt(source, file, downloads, title)
            except (TransportError, _BrokenError) as error:
                reason = str(error) or type(error).__name__
            except HfHubHTTPError as error:
                reason = f"{error.response.status_code} {error.response.reason_phrase}"
                if error.response.status_code not in _BUSY:
                    raise WeightsError(f"{host} answered {reason}{_advice(source, error)}") from error
            except OfflineModeIsEnabled as error:
                raise WeightsError(
                    f"HF_HUB_OFFLINE is set, and the file is not in the Hugging Face cache ({constants.HF_HUB_CACHE}):"
                    " unset it, or bring the file into the cache with"
                    f" `hf download {source.repo} {source.path} --revision {source.revision}`"
                ) from error
            except (HTTPError, InvalidURL, HFValidationError) as error:
                raise WeightsError(f"{host}: {error}") from error
            failures = failures + 1 if self._received == before else 1
            if failures > len(self._delays_s):
                raise WeightsError(f"no answer from {host} ({reason}): is this machine online?")
            delay_s = self._delays_s[failures - 1]
            self._reporter.say(f"{title}: {reason}; trying again in {delay_s:.0f} s")
            self._sleep(delay_s)

    def _attempt(self, source: HubSource, file: ModelFile, downloads: Path, title: str) -> tuple[Path, ModelFile]:
        url = hf_hub_url(source.repo, source.path, revision=source.revision)
        token = None if get_token() else os.environ.get(OTHER_TOKEN_VARIABLE, "").strip() or None
        headers = build_hf_headers(token=token, library_name="voiceagent", library_version=__version__)
        offered = get_hf_file_metadata(url, token=token, headers=headers)
        if offered.size is None or not offered.etag:
            raise WeightsError("it states no size and ETag, so is no Hugging Face hub: check HF_ENDPOINT")
        sha256 = offered.etag if _SHA256.fullmatch(offered.etag) else None
        if file.exact and offered.size != file.size:
            raise WeightsError(f"it offers {offered.size:,} bytes where {file.size:,} are pinned")
        if sha256 and file.sha256 not in (None, sha256):
            raise WeightsError(f"it offers a file with the sha256 {sha256} where {file.sha256} is pinned")
        # address and ETag are in the name: a partial file is only ever continued with the same content
        origin = _digest(url)
        part = downloads / f"{origin}-{_digest(offered.etag)}-{file.name}.part"
        for stale in set(downloads.glob(f"{origin}-*")) - {part}:
            stale.unlink()
        self._receive(url, headers, part, offered.size, title)
        return part, file.model_copy(update={"size": offered.size, "exact": True, "sha256": file.sha256 or sha256})

    def _receive(self, url: str, headers: dict[str, str], part: Path, size: int, title: str) -> None:
        have = part.stat().st_size if part.is_file() else 0
        if have == size:
            return
        if have > size:
            part.unlink()
            have = 0
        require_space(part.parent, size - have, title)
        asked = headers | {"Accept-Encoding": "identity"} | ({"Range": f"bytes={have}-"} if have else {})
        # the address and not the storage's that it leads to: that one expires, and must not see the token
        with get_session().stream("GET", url, headers=asked, timeout=constants.HF_HUB_DOWNLOAD_TIMEOUT) as response:
            span = response.headers.get("content-range", "")
            if response.status_code in (206, 416) and not span.startswith(f"bytes {have}-"):
                part.unlink(missing_ok=True)
                raise _BrokenError(f"it cannot continue at byte {have:,}")
            hf_raise_for_status(response)
            start = have if response.status_code == 206 else 0
            with (
                writing(part),
                part.open("ab" if start else "wb") as out,
                self._reporter.bar(title, start, size) as advance,
            ):
                for chunk in response.iter_raw():  # as they come: a chunk size would hold back what a break then loses
                    out.write(chunk)
                    self._received += len(chunk)
                    advance(len(chunk))
        if part.stat().st_size < size:
            raise _BrokenError("it ended early")


def _advice(source: HubSource, error: HfHubHTTPError) -> str:
    page = f"{HUB}/{source.repo}"
    status, code = error.response.status_code, error.response.headers.get("x-error-code")
    if status == 404 or code == "RepoNotFound":
        return f": there is no {source.path} in {page} at revision {source.revision}"
    if status not in (401, 403):
        return ""
    if get_token() or os.environ.get(OTHER_TOKEN_VARIABLE):
        return (
            f": the token in HF_TOKEN or {OTHER_TOKEN_VARIABLE}, or of `hf auth login`, may not read {page}: accept the"
            " licence there with the account the token belongs to, and give the token read access to gated repositories"
        )
    return (
        f": accept the licence on {page}, make a read token at {HUB}/settings/tokens"
        " and set it as HF_TOKEN, or run `hf auth login`"
    )


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:12]
