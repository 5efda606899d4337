"""People on the telephone, with the embedded models: what 8 kHz costs, alone and in calls."""

import asyncio

import pytest

from benchmarks import corpus
from benchmarks.hearing import heard
from benchmarks.playback import Playback
from benchmarks.summary import wer
from benchmarks.telephone import AsteriskPhone, TwilioPhone
from benchmarks.telephony import PHONES, by_telephone, called, differences, silence, summarise, telephone_server
from voiceagent.app.settings import load_settings
from voiceagent.audio.files import resample
from voiceagent.audio.g711 import RATE
from voiceagent.text import normalise, word_error_rate

RECORDINGS = pytest.mark.skipif(
    not corpus.PROMPT_TEXTS.exists() or not corpus.PROMPTS.exists() or not corpus.READINGS.exists(),
    reason="needs the Debian packages with the recordings",
)


@pytest.mark.models
@RECORDINGS
def test_mu_law_at_8_khz_costs_the_recogniser_at_most_3_points():
    ears = Playback(load_settings("cpu.yaml").settings)
    clips = corpus.prompts(40)
    wide = wer(heard(ears, clip, clip.pcm) for clip in clips)
    narrow = wer(heard(ears, clip, by_telephone(clip.pcm)) for clip in clips)
    assert wide < 6
    assert narrow <= wide + 3


@pytest.mark.models
@pytest.mark.realtime
@RECORDINGS
@pytest.mark.thorough
def test_sentences_said_in_calls_are_understood_by_each_telephone():
    clips = [clip for clip in corpus.questions(12) if len(clip.text.split()) > 4][:4]
    samples = asyncio.run(called("cpu.yaml", (), clips))
    assert list(samples) == list(PHONES)
    for name, taken in samples.items():
        words = [(normalise(sample["text"]), normalise(sample["understood"])) for sample in taken]
        assert wer(taken) <= 6, (name, words)
        assert all(sample["v2v_ms"] for sample in taken), "each was answered"


GREETING = "Good morning. This is the agent of the library. How can I help you today?"


@pytest.mark.thorough
@pytest.mark.models
@pytest.mark.realtime
@pytest.mark.parametrize("way", ["twilio", "audiosocket"])
def test_what_the_agent_says_is_understood_through_the_telephone(way):
    async def main():
        async with telephone_server("cpu.yaml", [f"session.greeting='{GREETING}'"], []) as (url, port):
            phone = TwilioPhone(url) if way == "twilio" else AsteriskPhone(port)
            async with phone:
                await phone.until(phone.is_spoken_to)
                await silence(phone, 4.0)  # on a busy machine a sentence may come late
                return phone.heard()

    pcm = asyncio.run(main())
    heard_text = Playback(load_settings("cpu.yaml").settings).hear(resample(pcm, RATE, corpus.RATE)).text
    errors, words = word_error_rate(GREETING, heard_text)
    assert errors / words < 0.15, heard_text


def sample(understood, errors=0, v2v_ms=None):
    return {"text": "one two", "understood": understood, "errors": errors, "words": 2, "v2v_ms": v2v_ms}


def test_the_summary_compares_each_telephone_with_the_wide_band():
    samples = {
        "file": [sample("one two")],
        "twilio": [sample("one", 1, 800.0)],
        "audiosocket": [sample("One, two.", 0, 700.0)],
        "audiosocket_16k": [sample("one two", 0, 600.0)],
    }
    summary = summarise(samples)
    assert summary["wer_difference_points_twilio"] == 50.0
    assert summary["wer_difference_points_audiosocket"] == 0.0
    assert summary["v2v_ms_p50_audiosocket"] == 700.0
    assert differences(samples)[0] == "said: one two"
    assert differences({**samples, "twilio": samples["audiosocket"]}) == []
