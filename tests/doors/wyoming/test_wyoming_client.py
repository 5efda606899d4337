"""The unmodified `wyoming` client: describe, transcribe, synthesise, converse; whole and in pieces."""

import asyncio

import numpy as np
import pytest
from telephones import voice
from wyoming.asr import Transcribe, Transcript
from wyoming.audio import AudioChunk, AudioStart, AudioStop
from wyoming.handle import Handled, NotHandled
from wyoming.info import Describe, Info
from wyoming.ping import Ping
from wyoming.tts import Synthesize, SynthesizeChunk, SynthesizeStart, SynthesizeStop, SynthesizeVoice
from wyoming_server import client, wyoming_server

from voiceagent.audio.pcm import from_s16
from voiceagent.engines.llm.scripted.engine import ScriptedLlm
from voiceagent.testing import scripted_engines

WORD_S, RATE = 0.3, 24_000


def test_home_assistant_finds_what_it_asks_for():
    """As homeassistant/components/wyoming reads it: data.py, stt.py, tts.py, conversation.py."""

    async def main():
        async with wyoming_server() as (_, port), client(port) as asking:
            await asking.send(Describe())
            return Info.from_event((await asking.until("info"))[-1])

    info = asyncio.run(main())
    assert [program.installed for program in (*info.asr, *info.tts, *info.handle)] == [True] * 3
    assert all(program.name and program.version for program in (*info.asr, *info.tts, *info.handle))
    assert [(model.name, model.languages) for model in info.asr[0].models if model.installed] == [("scripted", ["en"])]
    assert [(v.name, v.languages, v.description) for v in info.tts[0].voices] == [
        ("low", ["en"], "low"),
        ("high", ["en"], "high"),
    ]
    assert [model.languages for model in info.handle[0].models if model.installed] == [["en"]]
    assert info.asr[0].supports_transcript_streaming
    assert info.tts[0].supports_synthesize_streaming
    assert info.handle[0].supports_handled_streaming
    assert not info.handle[0].supports_home_control
    assert (info.intent, info.wake, info.satellite) == ([], [], None)


def test_a_ping_is_answered():
    async def main():
        async with wyoming_server() as (_, port), client(port) as pinging:
            await pinging.send(Ping("still there?"))
            return await pinging.until("pong")

    assert [event.data for event in asyncio.run(main())] == [{"text": "still there?"}]


def audio(pcm, rate, width, channels):
    """Return the events of mono audio in a format."""
    scaled = np.clip(np.rint(pcm * 2.0 ** (8 * width - 1)), -(2 ** (8 * width - 1)), 2 ** (8 * width - 1) - 1)
    samples = scaled.astype("<i8").reshape(-1, 1).view(np.uint8)[:, :width].tobytes()
    data = b"".join(samples[at : at + width] * channels for at in range(0, len(samples), width))
    form = {"rate": rate, "width": width, "channels": channels}
    piece = rate // 10 * width * channels
    pieces = [data[at : at + piece] for at in range(0, len(data), piece)]
    return [AudioStart(**form), *(AudioChunk(**form, audio=part) for part in pieces), AudioStop()]


@pytest.mark.parametrize(
    ("rate", "width", "channels"), [(16_000, 2, 1), (8_000, 1, 1), (48_000, 2, 2), (44_100, 3, 1), (22_050, 4, 2)]
)
def test_speech_of_any_format_is_transcribed_while_it_comes(rate, width, channels):
    async def main():
        two = np.concatenate([voice(1.1, rate), np.zeros(rate, np.float32), voice(1.1, rate)])
        async with wyoming_server() as (_, port), client(port) as speaker:
            await speaker.send(Transcribe(language="en"))
            *most, end = audio(two, rate, width, channels)
            await speaker.send(*most)
            early = await speaker.until("transcript-chunk")
            await speaker.send(end)
            return early, await speaker.until("transcript-stop")

    early, late = asyncio.run(main())
    assert [event.type for event in early] == ["transcript-start", "transcript-chunk"], "before the audio was over"
    chunks = [event.data["text"] for event in (*early, *late) if event.type == "transcript-chunk"]
    transcripts = [Transcript.from_event(event).text for event in late if event.type == "transcript"]
    assert transcripts == ["".join(chunks)]
    first, second = chunks
    assert first.startswith("Hello, can you")
    assert second.startswith(" Tell me something")
    assert [event.type for event in late[-2:]] == ["transcript", "transcript-stop"]


def test_silence_has_an_empty_transcript_and_one_stream_follows_another():
    async def main():
        async with wyoming_server() as (server, port), client(port) as speaker:
            heard = []
            for pcm in (np.zeros(8000, np.float32), voice(1.1)):
                await speaker.send(*audio(pcm, 16_000, 2, 1))
                events = await speaker.until("transcript-stop")
                heard += [event.data["text"] for event in events if event.type == "transcript"]
            return heard, server.agent.metrics.registry.get_sample_value("voiceagent_speech_streams")

    (nothing, words), lent = asyncio.run(main())
    assert nothing == ""
    assert words.startswith("Hello, can you")
    assert lent == 0


def spoken(events):
    """Return the audio of events, which all say how it is to be played."""
    starts = [event.data for event in events if event.type == "audio-start"]
    assert [(start["rate"], start["width"], start["channels"]) for start in starts] == [(RATE, 2, 1)] * len(starts)
    return from_s16(b"".join(event.payload for event in events if event.type == "audio-chunk"))


def pitch_hz(pcm):
    return np.argmax(np.abs(np.fft.rfft(pcm))) * RATE / len(pcm)


def test_a_text_is_spoken_by_the_voice_that_is_asked_for():
    async def main():
        async with wyoming_server() as (_, port), client(port) as reader:
            for name in (None, "high"):
                await reader.send(Synthesize("One two three four.", SynthesizeVoice(name=name) if name else None))
                yield await reader.until("audio-stop")

    async def both():
        return [events async for events in main()]

    plain, high = asyncio.run(both())
    assert [event.type for event in plain[:2]] == ["audio-start", "audio-chunk"]
    assert len(spoken(plain)) == len(spoken(high)) == round(4 * WORD_S * RATE)
    assert pitch_hz(spoken(high)) > 1.5 * pitch_hz(spoken(plain))


def test_a_text_that_comes_in_pieces_is_spoken_before_it_is_whole_and_once():
    async def main():
        async with wyoming_server() as (_, port), client(port) as reader:
            await reader.send(SynthesizeStart(), SynthesizeChunk("This is the first sentence of it. And th"))
            early = await reader.until("audio-chunk")
            whole = "This is the first sentence of it. And this the second."
            await reader.send(SynthesizeChunk("is the second."), Synthesize(whole), SynthesizeStop())
            return early, await reader.until("synthesize-stopped")

    early, late = asyncio.run(main())
    assert [event.type for event in early] == ["audio-start", "audio-chunk"]
    assert [event.type for event in late[-2:]] == ["audio-stop", "synthesize-stopped"]
    assert len(spoken([*early, *late])) == round((11 * WORD_S + 0.25) * RATE)


def test_texts_that_come_at_once_are_spoken_one_after_the_other_by_one_voice():
    async def main():
        async with wyoming_server("server.speech_streams=1") as (_, port), client(port) as reader:
            await reader.send(Synthesize("One two."), Synthesize("One two three."))
            return await reader.until("audio-stop"), await reader.until("audio-stop")

    first, second = asyncio.run(main())
    assert [len(spoken(events)) for events in (first, second)] == [round(n * WORD_S * RATE) for n in (2, 3)]


def conversing(*texts, llm, anew=False, **context):
    """Say texts to the model, on one connection or one each; return what came back to each, and the prompts."""
    prompts = []

    def reply(messages):
        prompts.append([message.content for message in messages[1:]])
        return llm(messages)

    async def main():
        answers = []
        engines = scripted_engines(llm=ScriptedLlm(reply))
        async with wyoming_server(engines=engines) as (server, port), client(port) as first:
            for text in texts:
                async with client(port) as another:
                    asking = another if anew else first
                    await asking.send(Transcript(text, context=context or None, language="en-GB"), Ping())
                    answers.append(await asking.until("handled-stop" if llm is not silent else "not-handled"))
            lent = server.agent.metrics.registry.get_sample_value("voiceagent_speech_streams")
            assert lent == 0
        return answers

    return asyncio.run(main()), prompts


def counted(messages):
    return f"This is answer {len(messages) // 2} for you. It has two sentences."


def silent(messages):
    return ""


def test_a_text_is_answered_piece_by_piece_and_as_a_whole():
    (events,), _ = conversing("What is it?", llm=counted)
    events = [event for event in events if event.type != "pong"]
    kinds = [event.type for event in events]
    assert kinds == ["handled-start", *["handled-chunk"] * (len(kinds) - 3), "handled", "handled-stop"]
    handled = Handled.from_event(events[-2])
    assert handled.text == "This is answer 1 for you. It has two sentences."
    assert "".join(event.data["text"] for event in events if event.type == "handled-chunk") == handled.text


def test_a_connection_remembers_what_was_said_on_it():
    _, prompts = conversing("What is it?", "And then?", llm=counted)
    assert prompts == [["What is it?"], ["What is it?", counted([0, 0]), "And then?"]]


@pytest.mark.parametrize("context", [{"conversation_id": "kitchen"}, {}])
def test_home_assistant_which_connects_anew_is_known_by_its_conversation(context):
    answers, prompts = conversing("What is it?", "And then?", llm=counted, anew=True, **context)
    known = ["What is it?", counted([0, 0])] if context else []
    assert prompts[1] == [*known, "And then?"]
    handled = [Handled.from_event(e) for events in answers for e in events if e.type == "handled"]
    assert [answer.context for answer in handled] == [context or None] * 2


def test_what_the_model_says_nothing_to_is_not_handled():
    (events,), _ = conversing("Hm.", llm=silent)
    assert NotHandled.from_event(events[-1]).text
