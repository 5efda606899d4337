"""What is fuzzed: one function for each thing that reads what others wrote. It takes any bytes and returns, or raises.

Bad input leads to the error that the reader's contract names; a target lets that pass, and nothing else. What a target
returns is what was read, so that a run can count how much of it was taken up.
"""

import asyncio
import json
import tempfile
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np

from voiceagent.app.settings import load_settings
from voiceagent.audio.opus import OpusDecoder
from voiceagent.audio.pcm import AudioError
from voiceagent.audio.receive import BURST_S, RATE, AudioReceiver
from voiceagent.audio.telephone import TelephoneDecoder
from voiceagent.config.errors import ConfigError
from voiceagent.doors.errors import RequestError
from voiceagent.doors.openai.chat_request import ChatRequest
from voiceagent.doors.page.client import PageClient
from voiceagent.doors.realtime.errors import EventError
from voiceagent.doors.realtime.events.parse import parse_event
from voiceagent.doors.realtime.events.parse import read_event as read_realtime
from voiceagent.doors.returning import Returning, Ticket, read_claim
from voiceagent.doors.rtvi.envelope import RequestRefusedError
from voiceagent.doors.rtvi.envelope import parse as parse_rtvi
from voiceagent.doors.telephony.audiosocket import read_frame
from voiceagent.doors.telephony.messages import parse as parse_twilio
from voiceagent.doors.webrtc.candidates import parse_candidate, read_candidates
from voiceagent.doors.webrtc.offer import Offer
from voiceagent.doors.webrtc.sdp import ask_for_fec, check_offer
from voiceagent.doors.wyoming.events import read_event as read_wyoming
from voiceagent.engines.llm.llama.gguf_memory import memory_need
from voiceagent.engines.llm.reply_text import ReplyText
from voiceagent.errors import VoiceAgentError
from voiceagent.text.segments import Segmenter
from voiceagent.text.speakable import speakable
from voiceagent.tools.fit import fitted
from voiceagent.trace.report import TurnsError, page, read_turns

Target = Callable[[bytes], object]
SEEDS = Path(__file__).parent / "seeds"
MOST_CHARS = 4000


def sdp(data: bytes) -> object:
    """An offer: what aiortc would be shown of it, and the answer to all of it."""
    try:
        offer = Offer(check_offer(_text(data), "offer"))
        offer.require_audio()
        reduced = offer.reduced({})
        candidates = [parse_candidate(line) for line in offer.candidates]
    except RequestError:
        return None
    assert len(reduced) <= 4 * len(data) + 4000
    return offer.ufrag, offer.password, offer.fingerprints, candidates, ask_for_fec(reduced)


def candidates(data: bytes) -> object:
    """Candidates that come after the offer."""
    try:
        return list(read_candidates(_json(data)))
    except RequestError:
        return None


def claim(data: bytes) -> object:
    """What a caller brings who comes back."""
    try:
        return read_claim(_json(data))
    except RequestError:
        return None


def rtp(data: bytes) -> object:
    """Audio packets in any order, with any numbers, whatever is in them: sound comes out, no more than a burst at once,
    and then a second in a second, and as much silence where packets stall.

    Each packet: one byte of length, two of number, two of timestamp (in 20 ms), one of when it came (in 4 ms).
    """
    receiver, now, heard = AudioReceiver(), 0.0, 0
    while len(data) > 6:
        size, number, stamp, passed = data[0], int.from_bytes(data[1:3]), int.from_bytes(data[3:5]) * 960, data[5]
        payload, data = data[6 : 6 + size], data[6 + size :]
        now += passed / 250
        receiver.push_packet(number, stamp % (1 << 32), payload, now)
        for chunk in receiver.poll(now):
            assert np.isfinite(chunk).all()
            assert np.abs(chunk).max(initial=0.0) <= 4.0
            heard += len(chunk)
    assert heard / RATE <= BURST_S + 2.05 * now + 0.1, "more sound than time"
    return heard


def codecs(data: bytes) -> object:
    """Packets of each codec, one after the other; a packet that cannot be decoded leaves the decoder usable."""
    decoders = [OpusDecoder(RATE), *(TelephoneDecoder(name) for name in ("PCMU", "PCMA", "G722"))]
    decoder, payload = decoders[data[0] % 4 if data else 0], data[1:]
    try:
        pcm = decoder.decode(payload)
    except AudioError:
        pcm = None
    else:
        assert np.isfinite(pcm).all()
        assert len(pcm) <= RATE
    good = bytes([0xF8, 0xFF, 0xFE]) if decoder is decoders[0] else b"\x55" * 160
    assert len(decoder.decode(good)) > 0
    return pcm


def page_message(data: bytes) -> object:
    """A message of the page's data channel: the session is asked for one thing, or it is refused alone."""
    done: list[str] = []
    peer: Any = SimpleNamespace(
        send=lambda text: done.append("refused" if json.loads(text)["type"] == "error" else "answered"),
        hang_up=lambda reason: done.append("hung up"),
        session=SimpleNamespace(type=lambda text: done.append("typed"), stop_speaking=lambda: done.append("stopped")),
    )

    async def main() -> None:
        client = PageClient(peer, lambda since: [], Returning(0.0), Ticket("token"))
        client.receive(data if data[:1] == b"\xff" else _text(data))

    asyncio.run(main())
    assert len(done) == 1, done
    return None if done == ["refused"] else done


def realtime(data: bytes) -> object:
    """An event of OpenAI's Realtime protocol."""
    try:
        return parse_event(read_realtime(_text(data)))
    except EventError as error:
        return _in_few_words(error)


def rtvi(data: bytes) -> object:
    """An RTVI message."""
    try:
        return parse_rtvi(_text(data))
    except RequestRefusedError as error:
        return _in_few_words(error)


def twilio(data: bytes) -> object:
    """A message of Twilio's Media Streams."""
    try:
        return parse_twilio(_text(data))
    except RequestError as error:
        return _in_few_words(error)


def wyoming(data: bytes) -> object:
    """Wyoming's events, one after the other until one is none."""
    return _read_all(data, read_wyoming)


def audiosocket(data: bytes) -> object:
    """Asterisk's frames, one after the other until one is none."""
    return _read_all(data, read_frame)


def chat(data: bytes) -> object:
    """A request for a chat completion."""
    from pydantic import ValidationError

    from voiceagent.doors.openai.errors import InvalidRequestError

    try:
        request = ChatRequest.model_validate(_json(data))
        return request.conversation(), request.stops, request.most_tokens
    except (ValidationError, InvalidRequestError, RequestError):
        return None


def yaml(data: bytes) -> object:
    """A file of settings."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "fuzz.yaml"
        path.write_bytes(data)
        try:
            return load_settings(path, environ={}).settings
        except ConfigError:
            return None


def gguf(data: bytes) -> object:
    """The header of a model file, and the memory that it says is needed."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "fuzz.gguf"
        path.write_bytes(data)
        try:
            shape: Any = {"context_tokens": 512, "sequences": 2, "batch_tokens": 64, "kv_type": "f16"}
            need = memory_need(path, **shape, flash_attention=True)
        except VoiceAgentError:
            return None
        return str(need)


def model_output(data: bytes) -> object:
    """What a language model may write, whole or in pieces: it is shown, spoken, or a call of a tool."""
    text = _text(data)
    parts = ReplyText()
    for at in range(0, len(text), 3):
        parts.feed(text[at : at + 3])
    parts.finish()
    whole = ReplyText()
    shown = whole.feed(text) + whole.finish()
    assert len(shown) <= len(text)
    segmenter = Segmenter()
    segments = segmenter.push(shown) + segmenter.flush()
    assert "".join("".join(segments).split()) in "".join(shown.split())
    calls = [*whole.calls(), *parts.calls()]
    assert all(isinstance(call.name, str) for call in calls)
    return [speakable(segment) for segment in segments] or calls or None


def tool_arguments(data: bytes) -> object:
    """A tool's schema as an MCP server may give it, and arguments as a model may write them."""
    given = _json(data)
    if not isinstance(given, dict):
        return None
    schema, arguments = given.get("schema"), given.get("arguments")
    if not isinstance(schema, dict) or not isinstance(arguments, dict):
        return None
    return fitted(arguments, schema)


def turns(data: bytes) -> object:
    """A file of turns, and the page that is made of it."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "turns.jsonl"
        path.write_bytes(data)
        try:
            found, skipped = read_turns(path)
        except TurnsError:
            return None
        return page(found, "fuzz", skipped)


def _in_few_words(error: Exception) -> None:
    if len(str(error)) > 2000:
        raise AssertionError("the refusal says all of the input") from error


def _text(data: bytes) -> str:
    return data[:MOST_CHARS].decode("utf-8", "surrogateescape")


def _json(data: bytes) -> object:
    """Return what a request's body says, as far as the doors let it in: no half characters."""
    try:
        value: object = json.loads(data[:MOST_CHARS])
        json.dumps(value, ensure_ascii=False).encode()
    except (ValueError, RecursionError):
        return None
    return value


def _read_all(data: bytes, read: Callable[[asyncio.StreamReader], Any]) -> object:
    async def main() -> list[object]:
        reader, found = asyncio.StreamReader(), []
        reader.feed_data(data)
        reader.feed_eof()
        try:
            while (one := await read(reader)) is not None:
                found.append(one)
        except (RequestError, asyncio.IncompleteReadError):
            pass
        return found

    return asyncio.run(main()) or None


TARGETS: dict[str, Target] = {
    target.__name__: target
    for target in (
        sdp,
        candidates,
        claim,
        rtp,
        codecs,
        page_message,
        realtime,
        rtvi,
        twilio,
        wyoming,
        audiosocket,
        chat,
        yaml,
        gguf,
        model_output,
        tool_arguments,
        turns,
    )
}
