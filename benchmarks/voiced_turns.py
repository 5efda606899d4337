"""Turns in the embedded voice, with pauses: what the weights of `session/end_of_turn.py` are fitted to.

It is nobody's voice whom the end-of-turn benchmark hears, and what it says is not said there.
"""

from collections.abc import Iterator
from dataclasses import replace

from benchmarks.alignment import Aligner
from benchmarks.ordinary import LISTS
from benchmarks.paused_turns import PausedTurn
from benchmarks.playback import Playback
from benchmarks.spoken_turns import paused
from voiceagent.testing.recordings import prepare

VOICE = "the embedded voice"
SAID = (
    "I would like to book a table for four people.",
    "My flight was cancelled and I need a new one.",
    "Yes, that sounds good to me.",
    "No, I have never been there.",
    "The meeting is on Tuesday at three o'clock.",
    "I think we should leave a little earlier.",
    "Please send the bill to my office.",
    "My daughter wants to learn how to play the piano.",
    "I forgot where I parked the car.",
    "We moved here two years ago because of my job.",
    "Could you turn the music down, please?",
    "I am looking for a present for my mother.",
    "It has been raining since yesterday morning.",
    "The washing machine makes a strange noise when it starts.",
    "I would rather have the window seat.",
    "Tell me something about the history of this town.",
    "That is not what I ordered.",
    "He said that he would call me back.",
    "I need to change my address.",
    "If it is not too late, I would like to cancel.",
    "Remind me to water the plants tomorrow.",
    "Thank you, that is all I wanted to know.",
    "The blue one is nicer, but it costs more.",
    "I have a question about my last order.",
    "Let us talk about something else.",
    "She works in a hospital near the river.",
    "I usually get up at six in the morning.",
    "Do you have anything without sugar?",
    "When I was a child, we had a dog and two cats.",
    "I did not understand the last part.",
    "Put some milk and bread on the list.",
    "My brother and his wife are coming for dinner.",
)


def voiced_turns(voice: Playback) -> Iterator[PausedTurn]:
    """Yield each text with a pause or two between its words."""
    aligner = Aligner()
    for text in (*SAID, *(question for name in sorted(LISTS) for question in LISTS[name])):
        turn = paused(aligner, text, VOICE, prepare(voice.speak(text)), text)
        if turn is not None:
            yield replace(turn, synthetic=True)
