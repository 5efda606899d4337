"""Texts read aloud at /v1/audio/speech: every format, streamed while it is made, every kind of mistake."""

import asyncio
import base64

import httpx
import numpy as np
import pytest
from doors_served import AT_ONCE, WORD_S, error_of, events_of, serving

from voiceagent.audio.encode import FORMATS
from voiceagent.audio.files import read_audio
from voiceagent.audio.pcm import from_s16
from voiceagent.engines.tts.scripted.engine import VOICES, ScriptedTts

URL = "/v1/audio/speech"
TEXT = "It is late. We have 21 fish."
LASTS_S = 7 * WORD_S + 0.25


def asked(*sets, tts=None, **parameters):
    """Return the answer to a request."""

    async def test(house):
        return await house.http.post(URL, json={"input": TEXT, "model": "tts-1", "voice": "alloy", **parameters})

    return serving(test, *sets, **({"tts": tts} if tts else {}))


def pitch_hz(pcm, rate):
    return np.argmax(np.abs(np.fft.rfft(pcm))) * rate / len(pcm)


@pytest.mark.parametrize("name", FORMATS)
def test_a_text_is_spoken_in_any_format(name, tmp_path):
    answer = asked(response_format=name)
    assert answer.headers["content-type"] == FORMATS[name].media_type
    if name == "pcm":
        seconds = len(from_s16(answer.content)) / 24_000
    else:
        (tmp_path / "said").write_bytes(answer.content)
        seconds = len(read_audio(tmp_path / "said", warn=pytest.fail)) / 16_000
    assert seconds == pytest.approx(LASTS_S, abs=0.1)


def test_without_a_format_it_is_mp3():
    answer = asked()
    assert answer.headers["content-type"] == "audio/mpeg"
    assert answer.content[:3] == b"ID3"


def test_samples_have_24_khz_whatever_the_voice_has():
    answer = asked(response_format="pcm", tts=ScriptedTts(word_s=WORD_S, sample_rate=22_050, **AT_ONCE))
    pcm = from_s16(answer.content)
    assert len(pcm) / 24_000 == pytest.approx(LASTS_S, abs=0.01)
    assert pitch_hz(pcm, 24_000) == pytest.approx(VOICES["low"], abs=60)


def test_speed_changes_how_long_it_takes():
    answer = asked(response_format="pcm", speed=2.0)
    assert len(answer.content) / 48_000 == pytest.approx(LASTS_S / 2, abs=0.05)


@pytest.mark.parametrize("voice", ["high", "HIGH", {"id": "high"}])
def test_a_voice_is_chosen_by_its_name(voice):
    low, high = (from_s16(asked(response_format="pcm", voice=name).content) for name in ("onyx", voice))
    assert pitch_hz(high, 24_000) - pitch_hz(low, 24_000) == pytest.approx(VOICES["high"] - VOICES["low"], abs=40)


def test_events_hold_the_sound_in_pieces():
    answer = asked(response_format="pcm", stream_format="sse")
    assert answer.headers["content-type"].startswith("text/event-stream")
    *deltas, done = events_of(answer.text)
    assert {event["type"] for event in deltas} == {"speech.audio.delta"}
    assert len(deltas) > 3
    pcm = from_s16(b"".join(base64.b64decode(event["audio"]) for event in deltas))
    assert len(pcm) / 24_000 == pytest.approx(LASTS_S, abs=0.01)
    assert done["type"] == "speech.audio.done"


def test_sound_is_sent_while_it_is_made():
    async def test(house):
        tts, run = house.agent.engines.tts, house.agent.engines.tts.run
        go_on = asyncio.Event()
        pending = tts.pending
        made = 0

        def counted(batch):
            nonlocal made
            made += 1
            return run(batch)

        tts.run = counted
        tts.pending = lambda now: pending(now) if made < 2 or go_on.is_set() else None
        parameters = {"input": TEXT, "response_format": "pcm"}
        async with house.http.stream("POST", URL, json=parameters) as answer:
            pieces = answer.aiter_bytes()
            first = await anext(pieces)
            assert made <= 2
            go_on.set()
            tts.wake()
            return first + b"".join([piece async for piece in pieces])

    assert len(serving(test)) / 48_000 == pytest.approx(LASTS_S, abs=0.01)


REFUSED = [
    ({"model": "tts-9"}, 404, "model", "There is no model 'tts-9' here."),
    ({"voice": "nobody"}, 400, "voice", "Choose one of low, high"),
    ({"voice": 7}, 400, "voice", ""),
    ({"input": None}, 400, "input", "string"),
    ({"input": "x" * 4097}, 400, "input", "4096"),
    ({"input": "*** ***"}, 400, "input", "nothing in input"),
    ({"input": ""}, 400, "input", "nothing in input"),
    ({"response_format": "midi"}, 400, "response_format", "'mp3', 'opus'"),
    ({"speed": 9}, 400, "speed", "less than or equal to 4"),
    ({"speed": "fast"}, 400, "speed", "number"),
    ({"stream_format": "smoke"}, 400, "stream_format", "'audio' or 'sse'"),
]


def test_a_wrong_parameter_is_refused_by_name():
    async def test(house):
        usual = {"input": TEXT, "model": "tts-1", "voice": "alloy"}
        return [await house.http.post(URL, json={**usual, **parameters}) for parameters, *_ in REFUSED]

    for answer, (_, status, param, says) in zip(serving(test), REFUSED, strict=True):
        error = error_of(answer)
        assert answer.status_code == status
        assert error["type"] == "invalid_request_error"
        assert error["param"].startswith(param)
        assert says in error["message"]


@pytest.mark.parametrize("body", [b"", b"no json", b"[]", b"\xff\xfe", b"[" * 100_000, b'{"model": "tts-1"}'])
def test_what_is_no_request_is_refused(body):
    async def test(house):
        return await house.http.post(URL, content=body)

    answer = serving(test)
    assert answer.status_code == 400
    assert error_of(answer)["message"]


def test_when_no_voice_is_left_the_client_is_told_when_to_come_again():
    answer = asked("server.speech_streams=0")
    assert (answer.status_code, answer.headers["retry-after"]) == (503, "5")
    assert error_of(answer)["type"] == "server_error"


@pytest.mark.parametrize("stream_format", ["audio", "sse"])
def test_a_voice_that_fails_at_once_is_an_error_of_the_server(stream_format):
    answer = asked(stream_format=stream_format, tts=ScriptedTts(fail_at=1, **AT_ONCE))
    assert answer.status_code == 500
    assert "scripted to fail" in error_of(answer)["message"]


def test_a_voice_that_fails_later_breaks_the_answer_off():
    with pytest.raises(httpx.RemoteProtocolError):
        asked(response_format="pcm", tts=ScriptedTts(fail_at=2, **AT_ONCE))


def test_a_voice_that_fails_later_is_an_event():
    answer = asked(response_format="pcm", stream_format="sse", tts=ScriptedTts(fail_at=2, **AT_ONCE))
    assert "scripted to fail" in events_of(answer.text)[-1]["error"]["message"]


def test_a_client_that_hangs_up_frees_its_voice():
    async def test(house):
        long = {"input": "One two three. " * 200, "response_format": "pcm"}
        async with house.http.stream("POST", URL, json=long) as answer:
            await anext(answer.aiter_bytes())
            assert house.agent._speech._lent == 1

    serving(test)


def test_a_client_that_never_reads_is_cut_off(monkeypatch):
    monkeypatch.setattr("voiceagent.doors.openai.streams.Streamed.STALLED_S", 0.2)

    async def test(house):
        port = int(house.url.rpartition(":")[2])
        _, writer = await asyncio.open_connection("127.0.0.1", port, limit=1024)
        body = b'{"input": "' + b"One two three four. " * 200 + b'", "response_format": "pcm", "speed": 0.25}'
        writer.write(f"POST {URL} HTTP/1.1\r\nHost: localhost\r\nContent-Length: {len(body)}\r\n\r\n".encode() + body)
        async with asyncio.timeout(60):
            while not house.agent._speech._lent:  # noqa: ASYNC110
                await asyncio.sleep(0.01)
            while house.agent._speech._lent:  # noqa: ASYNC110
                await asyncio.sleep(0.01)
        writer.close()

    serving(test, tts=ScriptedTts(word_s=1.0, sample_rate=48_000, **AT_ONCE))
