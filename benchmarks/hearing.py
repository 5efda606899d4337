"""Does the recogniser hear in a call what it hears in a file? And does it know when it misheard?

The same clips of human speech: transcribed whole, as `voiceagent transcribe` does; spoken over WebRTC to `voiceagent
serve`, where Opus, jitter, voice activity and turn taking lie between; and whole once more in noise, where much is
misheard. Reported are word error rates, every clip that differs, and how well the recogniser's confidence tells right
transcripts from wrong ones: what `session.min_confidence` would ask back.
"""

import asyncio
import signal
import sys
from collections.abc import Sequence
from contextlib import nullcontext
from typing import Any

import numpy as np

from benchmarks import conversations as talk
from benchmarks import corpus, form
from benchmarks.playback import Playback
from benchmarks.served import serving
from benchmarks.summary import wer
from voiceagent.app.settings import load_settings
from voiceagent.audio.pcm import Pcm
from voiceagent.errors import VoiceAgentError
from voiceagent.testing.webrtc.caller import Caller
from voiceagent.testing.webrtc.line import CallerError
from voiceagent.text import normalise, word_error_rate

NAME = "hearing"
CLIPS, QUICK_CLIPS = 64, 4
SNR_DB = 3.0
"""White noise this far below the speech."""
WRONG = 0.3
"""From this share of wrong words on, an answer would be to another question."""
TARGETS = (form.Target("wer_difference_points", 1.0),)


def main(arguments: Sequence[str]) -> int:
    """Run the benchmark; return the exit status."""
    line = form.parser(NAME, str(__doc__))
    line.add_argument("--config", default="cpu.yaml", help="settings of the server (default: cpu.yaml)")
    line.add_argument("--set", action="append", default=[], metavar="KEY=VALUE", help="override one of them")
    line.add_argument("--url", help="measure a running server instead of starting one")
    line.add_argument("--files-only", action="store_true", help="no call")
    options = line.parse_args(arguments)
    settings = load_settings(options.config, options.set).settings
    clips = corpus.prompts(QUICK_CLIPS if options.quick else CLIPS)
    report = form.Report(NAME, form.command(NAME, arguments))
    ears = Playback(settings)
    report.samples["file"] = [heard(ears, clip, clip.pcm) for clip in clips]
    report.samples["noisy"] = [heard(ears, clip, noisy(clip.pcm, number)) for number, clip in enumerate(clips)]
    if not options.files_only:
        with nullcontext(options.url) if options.url else serving(options.config, options.set) as url:
            greets = bool(settings.session.greeting)
            report.samples["call"] = asyncio.run(dictated(url, clips, greets=greets))
    report.summary = summarise(report.samples, settings.session.min_confidence)
    if options.json:
        report.write(options.json)
    print(show(report))
    return 0


def heard(ears: Playback, clip: corpus.Clip, pcm: Pcm) -> dict[str, Any]:
    """Transcribe a clip whole."""
    transcript = ears.hear(pcm)
    errors, words = word_error_rate(clip.text, transcript.text)
    return {
        "clip": clip.name,
        "text": clip.text,
        "understood": transcript.text,
        "errors": errors,
        "words": words,
        "confidence": None if transcript.confidence is None else round(transcript.confidence, 3),
    }


def noisy(pcm: Pcm, seed: int) -> Pcm:
    """Add white noise."""
    level = np.sqrt(np.mean(np.square(pcm, dtype=np.float64))) * 10 ** (-SNR_DB / 20)
    return (pcm + level * np.random.default_rng(seed).standard_normal(len(pcm))).astype(np.float32)


async def dictated(url: str, clips: Sequence[corpus.Clip], *, greets: bool) -> list[dict[str, Any]]:
    """Say every clip in one call; return what was understood."""
    samples = []
    async with Caller(url) as caller:
        if greets:
            await talk.greeted(caller)
        for number, clip in enumerate(clips, 1):
            try:
                samples.append(await talk.dictate(caller, clip))
            except CallerError as error:
                samples.append({"clip": clip.name, **talk.heard_words(caller, len(caller.messages), clip)})
                form.progress(str(error))
            form.progress(f"{number}/{len(clips)}  {samples[-1]['understood']}")
    return samples


def summarise(samples: dict[str, list[Any]], least: float) -> dict[str, float | int | None]:
    """Return the flat summary."""
    file, call = wer(samples["file"]), wer(samples.get("call", []))
    whole = [*samples["file"], *samples["noisy"]]
    known = [sample for sample in whole if sample["confidence"] is not None and sample["understood"]]
    right = [sample for sample in known if sample["errors"] < WRONG * sample["words"]]
    wrong = [sample for sample in known if sample["errors"] >= WRONG * sample["words"]]

    def asked_back(part: list[Any]) -> float | None:
        return form.ratio(sum(sample["confidence"] < least for sample in part), len(part))

    return {
        "wer_percent_file": file,
        "wer_percent_call": call,
        "wer_difference_points": None if file is None or call is None else round(abs(call - file), 2),
        "different_count": len(differences(samples)),
        "wer_percent_noisy": wer(samples["noisy"]),
        "right_count": len(right),
        "right_asked_back_percent": asked_back(right),
        "wrong_count": len(wrong),
        "wrong_asked_back_percent": asked_back(wrong),
        "confidence_right_p50": _middle(right),
        "confidence_wrong_p50": _middle(wrong),
    }


def differences(samples: dict[str, list[Any]]) -> list[tuple[str, str, str]]:
    """Return (text, heard in the file, heard in the call) of the clips that were not heard alike."""
    return [
        (file["text"], file["understood"], call["understood"])
        for file, call in zip(samples["file"], samples.get("call", []), strict=False)
        if normalise(file["understood"]) != normalise(call["understood"])
    ]


def show(report: form.Report) -> str:
    """Lay out the results for people."""
    lines = [f"said: {text}\n  file: {file}\n  call: {call}" for text, file, call in differences(report.samples)]
    return "\n".join([*lines, "", form.results(report.summary, TARGETS)])


def _middle(samples: list[Any]) -> float | None:
    return round(float(np.median([sample["confidence"] for sample in samples])), 3) if samples else None


if __name__ == "__main__":
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # through `serving`, so that no server is left behind
    try:
        sys.exit(main(sys.argv[1:]))
    except VoiceAgentError as error:
        sys.exit(f"Error: {error}")
