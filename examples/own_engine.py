"""An engine of one's own, handed in as an object: a voice that speaks in Morse code.

As a package that others install it is in `plugin/`; this takes the engine from there.
"""

import sys
from pathlib import Path

from voiceagent import Agent

sys.path.append(str(Path(__file__).parent / "plugin"))
from voiceagent_morse.engine import MorseVoice

agent = Agent("cpu.yaml", greeting="SOS", tts=MorseVoice(words_per_minute=25))

if __name__ == "__main__":
    agent.serve()
