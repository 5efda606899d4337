"""Recordings uploaded to /v1/audio/transcriptions: every form of answer, every kind of mistake."""

import asyncio
import io
import tracemalloc
import wave

import numpy as np
import pytest
from doors_served import AT_ONCE, error_of, events_of, serving

from voiceagent.audio.encode import FORMATS, Encoder
from voiceagent.doors.openai import upload
from voiceagent.engines.asr.contract import SAMPLE_RATE
from voiceagent.engines.asr.scripted.engine import ScriptedAsr
from voiceagent.testing.sound import silence, voice

URL = "/v1/audio/transcriptions"
TEXTS = ("One two three.", "Four five six.")
SPEECH = np.concatenate((silence(1.0), voice(1.0), silence(1.0), voice(1.0), silence(0.5)))


def encoded(name, pcm=SPEECH):
    encoder = Encoder(name, SAMPLE_RATE)
    return encoder.push(pcm) + encoder.finish()


WAV = encoded("wav")


def asked(*, file=WAV, **fields):
    """Return the answer to an upload."""

    async def test(house):
        data = {name: value for name, value in fields.items() if value is not None}
        return await house.http.post(URL, data=data, files={"file": ("talk", file)} if file is not None else None)

    return serving(test, asr=ScriptedAsr(TEXTS, **AT_ONCE))


@pytest.mark.parametrize("name", [name for name in FORMATS if name != "pcm"])
def test_a_recording_in_any_format_is_transcribed(name):
    answer = asked(file=encoded(name), model="whisper-1")
    assert answer.status_code == 200
    assert answer.json() == {"text": "One two three. Four five six.", "usage": {"type": "duration", "seconds": 5}}


def test_stereo_of_which_one_channel_speaks_is_heard():
    pcm = np.stack((SPEECH, np.zeros_like(SPEECH)), axis=1)
    file = io.BytesIO()
    with wave.open(file, "wb") as out:
        out.setnchannels(2)
        out.setsampwidth(2)
        out.setframerate(SAMPLE_RATE)
        out.writeframes((pcm * 32767).astype("<i2").tobytes())
    assert asked(file=file.getvalue()).json()["text"] == "One two three. Four five six."


def test_text_is_plain():
    answer = asked(response_format="text")
    assert (answer.text, answer.headers["content-type"]) == (
        "One two three. Four five six.\n",
        "text/plain; charset=utf-8",
    )


def test_verbose_json_has_segments_and_on_request_words():
    whole = asked(response_format="verbose_json").json()
    assert whole["text"] == "One two three. Four five six."
    assert (whole["task"], whole["language"], whole["duration"]) == ("transcribe", "english", 4.5)
    first, second = whole["segments"]
    assert [first["text"], second["text"]] == list(TEXTS)
    assert first["start"] == pytest.approx(1.0, abs=0.05)
    assert (first["end"], second["start"]) == (pytest.approx(2.0, abs=0.05), pytest.approx(3.0, abs=0.05))
    assert "words" not in whole
    timed = asked(response_format="verbose_json", **{"timestamp_granularities[]": ["word"]}).json()
    assert "segments" not in timed
    assert [word["word"] for word in timed["words"]] == ["One", "two", "three.", "Four", "five", "six."]
    starts = [word["start"] for word in timed["words"]]
    assert starts == sorted(starts)
    assert starts[0] == first["start"]
    both = asked(response_format="verbose_json", **{"timestamp_granularities[]": ["word", "segment"]}).json()
    assert {"words", "segments"} <= set(both)


def test_subtitles():
    srt = asked(response_format="srt").text
    assert (
        srt == "1\n00:00:00,992 --> 00:00:02,016\nOne two three.\n\n2\n00:00:02,976 --> 00:00:04,020\nFour five six.\n"
    )
    vtt = asked(response_format="vtt")
    assert vtt.text.startswith("WEBVTT\n\n00:00:00.992 --> 00:00:02.016\nOne two three.\n\n")
    assert vtt.headers["content-type"].startswith("text/vtt")


def test_a_stream_tells_each_utterance_and_then_the_whole():
    answer = asked(stream="true")
    assert answer.headers["content-type"].startswith("text/event-stream")
    *deltas, done = events_of(answer.text)
    assert [event["type"] for event in deltas] == ["transcript.text.delta"] * 2
    assert "".join(event["delta"] for event in deltas) == done["text"] == "One two three. Four five six."
    assert done["type"] == "transcript.text.done"
    assert done["usage"] == {"type": "duration", "seconds": 5}


def test_a_recording_without_speech_has_no_text():
    quiet = encoded("wav", silence(2.0))
    assert asked(file=quiet).json()["text"] == ""
    assert events_of(asked(file=quiet, stream="true").text)[-1]["text"] == ""


REFUSED = [
    ({"model": "whisper-9000"}, 404, "model", "There is no model 'whisper-9000' here."),
    ({"response_format": "xml"}, 400, "response_format", "json, text, verbose_json, srt, vtt"),
    ({"response_format": "srt", "stream": "true"}, 400, "response_format", "With stream=true"),
    ({"stream": "perhaps"}, 400, "stream", "true or false"),
    ({"temperature": "hot"}, 400, "temperature", "from 0 to 1"),
    ({"temperature": "7"}, 400, "temperature", "from 0 to 1"),
    ({"language": "klingon"}, 400, "language", "does not know the language 'klingon'"),
    ({"timestamp_granularities[]": "syllable"}, 400, "timestamp_granularities", "segment and word"),
    ({"include[]": "logprobs"}, 400, "include", "not supported"),
    ({"file": None}, 400, "file", "multipart/form-data"),
    ({"file": b""}, 400, "file", "Send a recording"),
]


def test_a_wrong_parameter_is_refused_by_name():
    async def test(house):
        answers = []
        for fields, *_ in REFUSED:
            file = fields.get("file", WAV)
            data = {name: value for name, value in fields.items() if name != "file"}
            answers.append(
                await house.http.post(URL, data=data, files={"file": ("talk", file)} if file is not None else None)
            )
        return answers

    for answer, (_, status, param, says) in zip(serving(test), REFUSED, strict=True):
        error = error_of(answer)
        assert answer.status_code == status
        assert error["type"] == "invalid_request_error"
        assert error["param"].startswith(param)
        assert says in error["message"]


@pytest.mark.parametrize(
    "file",
    [
        b"this is no sound",
        b"RIFF\0\0\0\0WAVE",
        WAV[:44],
        b"P6 4 4 255\n" + b"\xff\0\0" * 16,
        b"ffconcat version 1.0\nfile /etc/passwd\n",
        b"#EXTM3U\n#EXT-X-TARGETDURATION:1\n#EXTINF:1,\nfile:///etc/passwd\n#EXT-X-ENDLIST\n",
    ],
    ids=["words", "half a header", "a header alone", "a picture", "a list", "a playlist"],
)
@pytest.mark.parametrize("stream", [None, "true"])
def test_what_is_no_recording_is_refused(file, stream):
    answer = asked(file=file, stream=stream)
    assert answer.status_code == 400
    error = error_of(answer)
    assert error["code"] == "invalid_audio"
    assert "/" not in error["message"], "where it lies is nobody's business"


def test_what_is_no_form_is_refused():
    async def test(house):
        headers = {"Content-Type": "multipart/form-data; boundary=x"}
        broken = await house.http.post(URL, content=b"--y\r\nno form", headers=headers)
        unbounded = await house.http.post(URL, content=b"abc", headers={"Content-Type": "multipart/form-data"})
        text = await house.http.post(URL, json={"model": "whisper-1"})
        return broken, unbounded, text

    for answer in serving(test):
        assert answer.status_code == 400
        assert error_of(answer)["message"]


def test_too_large_an_upload_is_refused_before_it_is_whole_and_leaves_nothing(tmp_path, monkeypatch):
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    seen = 0

    async def body():
        nonlocal seen
        yield b'--x\r\nContent-Disposition: form-data; name="file"; filename="a"\r\n\r\n'
        for _ in range(100):
            seen += 1
            yield b"\0" * 100_000
        yield b"\r\n--x--\r\n"

    async def test(house):
        return await house.http.post(URL, content=body(), headers={"Content-Type": "multipart/form-data; boundary=x"})

    answer = serving(test, "openai.upload_mb=1")
    assert answer.status_code == 413
    assert "openai.upload_mb" in error_of(answer)["message"]
    assert list(tmp_path.iterdir()) == []


def test_an_upload_that_stalls_is_given_up(monkeypatch):
    monkeypatch.setattr(upload, "STALLED_S", 0.05)

    async def test(house):
        reader, writer = await asyncio.open_connection("127.0.0.1", int(house.url.rpartition(":")[2]))
        head = f"POST {URL} HTTP/1.1\r\nHost: localhost\r\nContent-Length: 9999\r\n"
        part = '--x\r\nContent-Disposition: form-data; name="file"; filename="a"\r\n\r\nabc'
        writer.write(f"{head}Content-Type: multipart/form-data; boundary=x\r\n\r\n{part}".encode())
        async with asyncio.timeout(60):
            answer = await reader.readuntil(b"}}")
        writer.close()
        return answer

    assert b"the upload has stalled" in serving(test)


def test_translations_are_refused_clearly():
    async def test(house):
        return await house.http.post("/v1/audio/translations", files={"file": ("talk", WAV)})

    answer = serving(test)
    assert answer.status_code == 400
    assert "does not translate" in error_of(answer)["message"]


def test_when_no_recogniser_is_left_the_client_is_told_when_to_come_again():
    async def test(house):
        return await house.http.post(URL, files={"file": ("talk", WAV)})

    answer = serving(test, "server.speech_streams=0")
    assert answer.status_code == 503
    assert answer.headers["retry-after"] == "5"
    assert error_of(answer)["type"] == "server_error"


@pytest.mark.parametrize("stream", [None, "true"])
def test_a_recogniser_that_fails_is_an_error_of_the_server(stream):
    class Broken(ScriptedAsr):
        def run(self, batch):
            raise RuntimeError("out of order")

    async def test(house):
        return await house.http.post(URL, files={"file": ("talk", WAV)}, data={"stream": stream or "false"})

    answer = serving(test, asr=Broken(TEXTS, **AT_ONCE))
    assert answer.status_code == 500
    assert error_of(answer)["message"] == "The recogniser failed: out of order"


def test_a_failure_in_mid_stream_is_an_event():
    class Tired(ScriptedAsr):
        heard = 0

        def run(self, batch):
            self.heard += 1
            if self.heard > 1:
                raise RuntimeError("tired")
            return super().run(batch)

    async def test(house):
        return await house.http.post(URL, files={"file": ("talk", WAV)}, data={"stream": "true"})

    answer = serving(test, asr=Tired(TEXTS, **AT_ONCE, partial_interval_s=None))
    first, last = events_of(answer.text)
    assert first["delta"] == "One two three."
    assert last["error"]["message"] == "The recogniser failed: tired"


def test_a_client_that_hangs_up_frees_its_recogniser_and_its_file(tmp_path, monkeypatch):
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    waiting = asyncio.Event()

    async def test(house):
        house.agent.engines.asr.pending = lambda now: waiting.set()
        posting = asyncio.create_task(house.http.post(URL, files={"file": ("talk", WAV)}))
        async with asyncio.timeout(60):
            await waiting.wait()
        assert house.agent._speech._lent == 1
        posting.cancel()
        await asyncio.gather(posting, return_exceptions=True)

    serving(test)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.exhaustive(quick=120, full=300)
def test_a_long_recording_is_transcribed_in_pieces(size):
    minute = np.concatenate([np.concatenate((voice(5.0), silence(1.0))) for _ in range(10)])
    file = encoded("flac", np.tile(minute, size // 60))
    texts = [f"utterance {number} is over." for number in range(size // 6)]

    async def test(house):
        tracemalloc.start()
        try:
            answer = await house.http.post(URL, files={"file": ("talk", file)}, timeout=300)
            return answer, tracemalloc.get_traced_memory()[1]
        finally:
            tracemalloc.stop()

    answer, peak = serving(test, asr=ScriptedAsr(texts, **AT_ONCE))
    assert answer.json()["text"] == " ".join(texts)
    whole = size * SAMPLE_RATE * 4
    assert peak < max(whole / 10, 24_000_000) + 2 * len(file), "the upload is the test's own"
