"""A server with a certificate, and with files that are none."""

import asyncio
import json
import ssl

import httpx
import pytest
from certificates import write_pair
from cryptography.hazmat.primitives.serialization import BestAvailableEncryption
from loopback import open_server
from websockets.asyncio.client import connect
from websockets.exceptions import InvalidStatus

from voiceagent.app.tls import require_tls
from voiceagent.config.settings import ServerSettings
from voiceagent.errors import VoiceAgentError


def test_a_server_with_a_certificate_speaks_https_and_wss_and_nothing_else(tmp_path):
    pair = write_pair(tmp_path)
    trusting = ssl.create_default_context(cafile=pair["tls_cert"])

    async def main():
        async with open_server(*(f"server.{name}={path}" for name, path in pair.items())) as house:
            url = house.url.replace("http", "https")
            async with httpx.AsyncClient(base_url=url, verify=trusting) as http:
                assert (await http.get("/health")).json() == {"status": "ok"}
                assert (await http.post("/page/offer", json={}, headers={"origin": url})).status_code == 400
            with pytest.raises(httpx.HTTPError):
                await house.http.get("/health")
            with pytest.raises(InvalidStatus) as caught:
                async with connect(url.replace("https", "wss") + "/nowhere", ssl=trusting, origin="null", proxy=None):
                    pass
            assert json.loads(caught.value.response.body)["error"]["code"] == "foreign_origin"

    asyncio.run(main())


def mistakes(folder):
    """Yield what is wrong with a pair of files, and the words that say so."""
    pair, other = write_pair(folder), write_pair(folder, "other")
    require_tls(ServerSettings(**pair))
    locked = write_pair(folder, "locked", secret=BestAvailableEncryption(b"hush"))
    (folder / "text").write_text("nothing")
    yield pair | {"tls_key": other["tls_key"]}, "pair.crt; give the pair"
    yield pair | {"tls_cert": folder / "absent"}, "server.tls_cert: .*absent cannot be read .No such file"
    yield pair | {"tls_key": folder}, "server.tls_key: .* cannot be read .Is a directory"
    yield pair | {"tls_cert": folder / "text"}, "server.tls_cert: .*text holds no certificate in PEM"
    yield pair | {"tls_key": folder / "text"}, "server.tls_key: .*text is no private key in PEM"
    yield {"tls_cert": pair["tls_key"], "tls_key": pair["tls_cert"]}, "pair.key holds no certificate"
    yield locked, "locked.key is encrypted"
    yield write_pair(folder, "old", days=-1), "old.crt expired on 20"


def test_files_that_are_no_pair_are_refused_with_what_is_wrong(tmp_path):
    for pair, words in mistakes(tmp_path):
        with pytest.raises(VoiceAgentError, match=words):
            require_tls(ServerSettings(**pair))
