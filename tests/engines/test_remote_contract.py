"""Recogniser and voice of another process keep the contract as those of this one do."""

from collections.abc import Iterator
from typing import Any

import pytest
from engine_server import EngineServer

from voiceagent.engines.asr.remote.engine import RemoteAsr
from voiceagent.engines.remote.settings import RemoteSettings
from voiceagent.engines.tts.remote.engine import RemoteTts
from voiceagent.testing.engine_contract import Check, contract

CHECKS = [(kind, check) for kind in ("asr", "tts") for check in contract(kind)]


@pytest.fixture(scope="module")
def engines() -> Iterator[dict[str, Any]]:
    with EngineServer() as server:
        settings = RemoteSettings(url=server.url)
        built: dict[str, Any] = {"asr": RemoteAsr(settings), "tts": RemoteTts(settings)}
        for engine in built.values():
            engine.load()
        yield built
        for engine in built.values():
            engine.close()


@pytest.mark.parametrize(("kind", "check"), CHECKS, ids=[f"{kind}-{check.__name__}" for kind, check in CHECKS])
def test_an_engine_of_another_process_keeps_the_contract(engines: dict[str, Any], kind: str, check: Check) -> None:
    check(engines[kind])
