"""What the first caller would wait for is loaded before anybody calls."""

import subprocess
import sys

PROGRAM = """
import asyncio, sys
from voiceagent import Agent

async def main():
    async with Agent("scripted.yaml"):
        before = set(sys.modules)
        from voiceagent.text import LANGUAGES, Segmenter, speakable
        for language in LANGUAGES:
            segmenter = Segmenter(10, 24, language)
            [speakable(piece, language) for piece in segmenter.push("3 > 2. 1999, 5:30.") + segmenter.flush()]
        print(sorted(set(sys.modules) - before))

asyncio.run(main())
"""


def test_a_started_agent_has_loaded_how_every_language_is_read() -> None:
    """An import takes 0.1 s of the event loop, which every caller hears."""
    done = subprocess.run([sys.executable, "-c", PROGRAM], check=True, capture_output=True, text=True)
    assert done.stdout.strip() == "[]"
