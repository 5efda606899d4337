"""Is a caller understood through a telephone's 8 kHz as at 16 kHz?

The same clips of human speech, said in a call by Twilio's Media Streams (mu-law), by Asterisk's AudioSocket at 8 kHz,
and by AudioSocket at 16 kHz, which is the same way without the telephone's band. And transcribed whole, as a file and
after mu-law, where no call lies between: what the band costs the recogniser alone. Reported are word error rates, every
clip that differs, and how long a caller waited for an answer.
"""

import asyncio
import socket
import sys
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import Any

import uvicorn

from benchmarks import corpus, form
from benchmarks.hearing import heard
from benchmarks.playback import Playback
from benchmarks.summary import wer
from benchmarks.telephone import AsteriskPhone, Telephone, TwilioPhone
from voiceagent.app.agent import Agent
from voiceagent.app.events import Turn
from voiceagent.app.settings import load_settings
from voiceagent.audio.files import resample
from voiceagent.audio.g711 import MU_LAW, RATE
from voiceagent.audio.pcm import Pcm
from voiceagent.errors import VoiceAgentError
from voiceagent.text import normalise, word_error_rate

NAME = "telephony"
CLIPS, QUICK_CLIPS = 40, 2
ANSWER_S, SILENT_S = 20.0, 0.7
PHONES = ("twilio", "audiosocket", "audiosocket_16k")
SETS = (
    "session.greeting=''",
    "session.idle_s=0",
    "session.min_confidence=0",
    "llm.max_tokens=8",
    "scheduler.promise_ms=60000",
)
"""Whatever is understood is answered, and briefly."""
TARGETS = tuple(form.Target(f"wer_difference_points_{phone}", 3.0) for phone in PHONES[:2])


def main(arguments: Sequence[str]) -> int:
    """Run the benchmark; return the exit status."""
    line = form.parser(NAME, str(__doc__))
    line.add_argument("--config", default="cpu.yaml", help="settings of the server (default: cpu.yaml)")
    line.add_argument("--set", action="append", default=[], metavar="KEY=VALUE", help="override one of them")
    line.add_argument("--clips", type=int, help="how many clips to say")
    options = line.parse_args(arguments)
    clips = corpus.prompts(options.clips or (QUICK_CLIPS if options.quick else CLIPS))
    report = form.Report(NAME, form.command(NAME, arguments))
    ears = Playback(load_settings(options.config, options.set).settings)
    report.samples["file"] = [heard(ears, clip, clip.pcm) for clip in clips]
    report.samples["file_8k"] = [heard(ears, clip, by_telephone(clip.pcm)) for clip in clips]
    report.samples |= asyncio.run(called(options.config, options.set, clips))
    report.summary = summarise(report.samples)
    if options.json:
        report.write(options.json)
    print(show(report))
    return 0


def by_telephone(pcm: Pcm) -> Pcm:
    """Return 16 kHz audio as it arrives by telephone."""
    return resample(MU_LAW.decode(MU_LAW.encode(resample(pcm, corpus.RATE, RATE))), RATE, corpus.RATE)


async def called(config: str, sets: Sequence[str], clips: Sequence[corpus.Clip]) -> dict[str, list[dict[str, Any]]]:
    """Say every clip in a call by each phone; return what was understood."""
    samples: dict[str, list[dict[str, Any]]] = {}
    turns: list[Turn] = []
    async with telephone_server(config, sets, turns) as (url, port):
        phones = (TwilioPhone(url), AsteriskPhone(port), AsteriskPhone(port, corpus.RATE))
        for name, phone in zip(PHONES, phones, strict=True):
            samples[name] = []
            async with phone:
                for number, clip in enumerate(clips, 1):
                    samples[name].append(await dictate(phone, turns, clip))
                    form.progress(f"{name} {number}/{len(clips)}  {samples[name][-1]['understood']}")
    return samples


@asynccontextmanager
async def telephone_server(config: str, sets: Sequence[str], turns: list[Turn]) -> AsyncIterator[tuple[str, int]]:
    """Serve the telephone door in this process; give its address and Asterisk's port. `turns` gets what was said."""
    listener, free = socket.create_server(("127.0.0.1", 0)), socket.create_server(("127.0.0.1", 0))
    port = free.getsockname()[1]
    free.close()
    door = ("doors=[telephony]", f"telephony.audiosocket_port={port}")
    agent = Agent(load_settings(config, [*SETS, *sets, *door]).settings)

    @agent.on("turn")
    async def take(turn: Turn) -> None:
        turns.append(turn)

    server = uvicorn.Server(uvicorn.Config(agent.asgi(), log_config=None, access_log=False))
    serving = asyncio.create_task(server.serve(sockets=[listener]))
    try:
        while not server.started and not serving.done():  # noqa: ASYNC110 - uvicorn has no event to wait for
            await asyncio.sleep(0.05)
        yield f"http://127.0.0.1:{listener.getsockname()[1]}", port
    finally:
        server.should_exit = True
        await serving


async def dictate(phone: Telephone, turns: list[Turn], clip: corpus.Clip) -> dict[str, Any]:
    """Say a clip, and return what was understood and when the answer began."""
    loop = asyncio.get_running_loop()
    mark = len(turns)
    await phone.say(clip.pcm)
    said_at = loop.time()
    waited_ms: float | None = None
    try:
        await phone.until(phone.is_spoken_to, ANSWER_S)
        waited_ms = round((loop.time() - said_at) * 1000, 1)
        await phone.until(lambda: len(turns) > mark, ANSWER_S)
    except TimeoutError:
        form.progress(f"no answer to {clip.text!r}")
    await silence(phone)
    understood = " ".join(turn.user_text for turn in turns[mark:])
    errors, words = word_error_rate(clip.text, understood)
    return {
        "clip": clip.name,
        "text": clip.text,
        "understood": understood,
        "errors": errors,
        "words": words,
        "v2v_ms": waited_ms,
    }


async def silence(phone: Telephone, seconds: float = SILENT_S) -> None:
    """Wait until the agent has been silent for so long."""
    loop = asyncio.get_running_loop()
    silent_since = loop.time()
    while loop.time() - silent_since < seconds:
        before = len(phone.played)
        await asyncio.sleep(0.1)
        if len(phone.played) > before and phone.is_spoken_to():
            silent_since = loop.time()


def summarise(samples: dict[str, list[Any]]) -> dict[str, float | int | None]:
    """Return the flat summary."""
    rates = {name: wer(taken) for name, taken in samples.items()}
    reference = rates.get("audiosocket_16k")
    summary: dict[str, float | int | None] = {f"wer_percent_{name}": rate for name, rate in rates.items()}
    for name in PHONES:
        waited = [sample["v2v_ms"] for sample in samples.get(name, []) if sample["v2v_ms"] is not None]
        rate = rates.get(name)
        if name != "audiosocket_16k":
            known = rate is not None and reference is not None
            summary[f"wer_difference_points_{name}"] = round(rate - reference, 2) if known else None  # type: ignore[operator]
        summary[f"v2v_ms_p50_{name}"] = form.percentile(waited, 50)
    summary["clip_count"] = len(samples.get("file", []))
    return summary


def differences(samples: dict[str, list[Any]]) -> list[str]:
    """Describe the clips that were not understood alike by all phones."""
    lines = []
    for row in zip(*(samples.get(name, []) for name in PHONES), strict=True):
        if len({normalise(sample["understood"]) for sample in row}) > 1:
            lines.append(f"said: {row[0]['text']}")
            lines += [f"  {name:16} {sample['understood']}" for name, sample in zip(PHONES, row, strict=True)]
    return lines


def show(report: form.Report) -> str:
    """Lay out the results for people."""
    return "\n".join([*differences(report.samples), "", form.results(report.summary, TARGETS)])


if __name__ == "__main__":
    try:
        sys.exit(main(sys.argv[1:]))
    except VoiceAgentError as error:
        sys.exit(f"Error: {error}")
