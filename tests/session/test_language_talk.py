"""Whole conversations in German and Spanish: numbers, dates and money are said in words, and signals count."""

import subprocess
from collections.abc import Generator
from dataclasses import replace
from shutil import which

import numpy as np
import pytest

from voiceagent import Agent
from voiceagent.app.conversation import conversation_config
from voiceagent.app.settings import load_settings
from voiceagent.audio.speech import Word
from voiceagent.engines.queue import Next
from voiceagent.engines.tts.contract import SpeechAudio
from voiceagent.engines.tts.segments import SegmentQueue
from voiceagent.errors import VoiceAgentError
from voiceagent.session.reports import AgentPaused, AgentResumed
from voiceagent.testing import Callers, run_virtual

SETTINGS = ("session.greeting=''", "session.idle_s=0", "turn.engine=smart_turn")
GERMAN = {
    "was kostet das zimmer": "Das Zimmer kostet 89,50 €. Am 3. Mai ist es frei.",
    "wann kann ich kommen": "Kommen Sie z. B. um 14:30 Uhr.",
    "wie lange gilt das": "Das gilt bis zum 24.12.2026.",
}
SPANISH = {
    "cuánto cuesta la habitación": "La habitación cuesta 89,50 €. El 3 de mayo está libre.",
    "a qué hora puedo venir": "Venga a las 14:30.",
}


def held(language, answers, **scripts):
    """Ask everything in one call; return what was heard."""
    heard = []

    async def scene():
        def reply(messages):
            return answers[messages[-1].content]

        sets = (*SETTINGS, f"session.language={language}")
        with Callers("scripted.yaml", sets, llm=reply, **scripts) as callers:
            talk = callers.call()
            for question in answers:
                before = len(talk.heard)
                await talk.says(question)
                await talk.listens(15.0)
                heard.append(talk.heard[before:].strip())

    run_virtual(scene())
    return heard


def test_a_german_conversation_is_heard_in_german_words():
    assert held("de", GERMAN) == [
        "Das Zimmer kostet neunundachtzig Euro fünfzig. Am dritten Mai ist es frei.",
        "Kommen Sie zum Beispiel um vierzehn Uhr dreißig.",
        "Das gilt bis zum vierundzwanzigsten Dezember zweitausendsechsundzwanzig.",
    ]


def test_a_spanish_conversation_is_heard_in_spanish_words():
    assert held("es", SPANISH) == [
        "La habitación cuesta ochenta y nueve euros con cincuenta. El tres de mayo está libre.",
        "Venga a las catorce treinta.",
    ]


@pytest.mark.parametrize(("language", "signal"), [("de", "genau"), ("es", "ajá"), ("en", "okay")])
def test_a_sign_of_attention_in_the_language_does_not_interrupt(language, signal):
    long = " ".join(f"Wort{letter} und noch ein Satz dazu." for letter in "abcdefgh")

    async def scene():
        with Callers("scripted.yaml", (*SETTINGS, f"session.language={language}"), llm=lambda _: long) as callers:
            talk = callers.call()
            talk.session.type("erzähl mir viel")
            await talk.interrupts(signal, wait=40.0)
            assert talk.of(AgentPaused)
            assert talk.of(AgentResumed)
            assert [turn.outcome for turn in talk.turns] == ["completed"]

    run_virtual(scene())


def test_one_session_may_speak_another_language_than_the_others():
    async def scene():
        with Callers("scripted.yaml", SETTINGS, llm=lambda _: "Am 3. Mai.") as callers:
            talk = callers.call()
            talk.session.configure(replace(talk.session.config, language="de"))
            talk.session.type("wann denn")
            await talk.listens(6.0)
            assert talk.heard == "Am dritten Mai."

    run_virtual(scene())


def test_what_the_agent_says_by_itself_is_in_the_language_and_the_settings_have_the_last_word():
    assert Agent("scripted.yaml", settings={"session.language": "de"}).config.idle_prompt == "Sind Sie noch da?"
    own = {"session.language": "es", "session.idle_prompt": "¿Hola?", "session.tool_filler": ""}
    agent = Agent("scripted.yaml", settings=own)
    assert (agent.config.idle_prompt, agent.config.tool_filler) == ("¿Hola?", "")
    assert agent.config.ask_back == "Perdone, no lo he entendido. ¿Puede repetirlo?"


def test_a_language_that_an_engine_lacks_is_refused_with_those_it_knows():
    with pytest.raises(VoiceAgentError, match=r"session\.language is de, .*speech recogniser moonshine knows only en"):
        Agent("cpu.yaml", settings={"session.language": "de"})

    class English(Espeak):
        languages = ("en",)

    async def scene():
        with Callers("scripted.yaml", SETTINGS, tts=English("en")) as callers:
            talk = callers.call()
            with pytest.raises(VoiceAgentError, match=r"The voice does not know the language 'fr'\. Choose one of en"):
                talk.session.configure(replace(talk.session.config, language="fr"))

    run_virtual(scene())


class Espeak(SegmentQueue):
    """espeak-ng, in place of a voice that speaks the language."""

    first_step = ("tts.segment", 1)
    sample_rate = 16_000
    voices = ("espeak",)

    def __init__(self, language):
        super().__init__("tts")
        self._language = language
        self.spoken = []

    def load(self):
        """There is nothing to load."""

    def speak(self, generation: int, segment: int, text: str, voice: str) -> Generator[object, None, object]:
        """Yield the whole segment."""
        yield Next(self.first_step)
        self.spoken.append(text)
        command = ["espeak-ng", "-v", self._language, "--stdout", text]
        sound = subprocess.run(command, capture_output=True, check=True).stdout
        pcm = as_pcm(sound, self.sample_rate)
        each = len(pcm) / self.sample_rate / len(text.split())
        words = tuple(Word(word, at * each, (at + 1) * each) for at, word in enumerate(text.split()))
        return SpeechAudio(generation, segment, pcm, words, final=True)


def as_pcm(wav, rate):
    """Decode a WAV file that espeak wrote to a pipe."""
    samples = np.frombuffer(wav[44:], "<i2").astype(np.float32) / 32768
    at = np.arange(0, len(samples), 22_050 / rate)
    return np.interp(at, np.arange(len(samples)), samples).astype(np.float32)


@pytest.mark.skipif(which("espeak-ng") is None, reason="espeak-ng is not installed")
def test_a_german_answer_is_spoken_by_a_german_voice():
    voice = Espeak("de")
    heard = held("de", GERMAN, tts=voice)
    assert " ".join(voice.spoken) == " ".join(heard)
    assert not any(character.isdigit() for character in " ".join(voice.spoken))


@pytest.mark.parametrize(("written", "said"), [("", ""), ("null", "Un momento, por favor."), ("Espere.", "Espere.")])
def test_nothing_is_said_where_the_settings_give_an_empty_text_and_the_language_s_phrase_for_null(written, said):
    loaded = load_settings("scripted.yaml", ["session.language=es", f"session.tool_filler={written}"])
    assert conversation_config(loaded.settings).tool_filler == said
