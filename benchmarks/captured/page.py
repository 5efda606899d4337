"""The table of docs/gpu.md, from the committed counts: `python -m benchmarks.captured.page` writes it."""

import json
import re
from typing import Any

from benchmarks.form import REPOSITORY

PAGE = REPOSITORY / "docs" / "gpu.md"
RESULTS = REPOSITORY / "benchmarks" / "results"
BLOCK = re.compile(r"(?<=<!-- kernels -->\n).*?(?=<!-- end -->)", re.DOTALL)

ROWS = (
    ("recogniser: encoder, 1 stream", "recogniser", "asr.encode 1"),
    ("the same, 64 streams", "recogniser", "asr.encode 64"),
    ("recogniser: decoder, 64 streams", "recogniser", "asr.decode 64"),
    ("voice: a step of Magpie v2602, 1 utterance", "voice", "tts.step 1, stacking 1, span 640"),
    ("the same, 16 utterances", "voice", "tts.step 16, stacking 1, span 640"),
    ("voice: a step of Magpie v2607 (two frames), 1 utterance", "voice", "tts.step 1, stacking 2, span 512"),
    ("the same, 16 utterances", "voice", "tts.step 16, stacking 2, span 512"),
    ("voice: the codec, 6 frames", "codec", "tts.sound 1 x 6"),
    ("the same, 40 frames", "codec", "tts.sound 1 x 40"),
)
"""What is shown: words, engine, function at the true shape."""


def table() -> str:
    """Return it, with the kernels and megabytes of torch's own functions and of fused ones."""
    lines = [
        "| true shape | kernels, torch's own | kernels, fused | MB moved, torch's own | MB moved, fused |",
        "| --- | ---: | ---: | ---: | ---: |",
    ]
    for words, engine, function in ROWS:
        before, after = _summary(f"plain_{engine}"), _summary(engine)
        keys = [f"true: {function}: {what}" for what in ("kernels", "megabytes")]
        numbers = " | ".join(f"{one[key]:,.0f}" for key in keys for one in (before, after))
        lines.append(f"| {words} | {numbers} |")
    return "\n".join([*lines, ""])


def main() -> None:
    """Write it."""
    text = PAGE.read_text("utf-8")
    PAGE.write_text(BLOCK.sub(lambda found: table(), text), "utf-8")


def _summary(name: str) -> dict[str, Any]:
    summary: dict[str, Any] = json.loads((RESULTS / f"captured_{name}.json").read_text("utf-8"))["summary"]
    return summary


if __name__ == "__main__":
    main()
