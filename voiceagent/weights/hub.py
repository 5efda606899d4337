"""Files of Hugging Face repositories: their addresses, whose token goes along, and what a refusal means.

`HF_ENDPOINT` replaces the hub's address (a mirror, a test); the token comes from `HF_TOKEN` or
`HUGGINGFACE_ACCESS_TOKEN` and is sent to that host only.
"""

import os
from pathlib import Path
from urllib.parse import quote

from voiceagent.weights.errors import WeightsError
from voiceagent.weights.fetch import Fetcher, RefusedError
from voiceagent.weights.manifest import HubSource

HUB = "https://huggingface.co"
TOKEN_VARIABLES = ("HF_TOKEN", "HUGGINGFACE_ACCESS_TOKEN")


def fetch_from_hub(fetcher: Fetcher, source: HubSource, part: Path, label: str, size: int | None = None) -> None:
    """Bring `part` to the whole content of the file. Raises WeightsError."""
    token = next((os.environ[name].strip() for name in TOKEN_VARIABLES if os.environ.get(name)), "")
    headers = {"Authorization": f"Bearer {token}"} if token else {}
    try:
        fetcher.fetch(file_url(source), part, label, size, headers)
    except RefusedError as error:
        raise _explained(source, error, with_token=bool(token)) from error


def file_url(source: HubSource) -> str:
    """The address of the file at its revision."""
    endpoint = (os.environ.get("HF_ENDPOINT") or HUB).rstrip("/")
    return f"{endpoint}/{source.repo}/resolve/{quote(source.revision, safe='')}/{quote(source.path)}"


def _explained(source: HubSource, error: RefusedError, *, with_token: bool) -> WeightsError:
    page = f"{HUB}/{source.repo}"
    if error.status == 404 or error.code == "RepoNotFound":
        return WeightsError(f"{error}: there is no {source.path} in {page} at revision {source.revision}")
    if error.status not in (401, 403):
        return error
    if with_token:
        return WeightsError(
            f"{error}: the token in {' or '.join(TOKEN_VARIABLES)} may not read {page}: accept the licence there"
            " with the account the token belongs to, and give the token read access to gated repositories"
        )
    return WeightsError(
        f"{error}: accept the licence on {page}, make a read token at {HUB}/settings/tokens"
        f" and set it as {TOKEN_VARIABLES[0]}"
    )
