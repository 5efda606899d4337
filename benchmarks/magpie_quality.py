"""How well Magpie TTS is understood: the word error rate of our engine's speech and of NeMo's own.

Needs a real checkpoint, `voiceagent[nemo]`, and the embedded recogniser's files. Both speak the same sentences with the
same voice; each recording is transcribed by the same recogniser. What the recogniser mishears counts against both.
"""

import sys
from collections.abc import Sequence
from statistics import mean

import numpy as np
import torch
from numpy.typing import NDArray

from benchmarks import form
from benchmarks.dummies.files import magpie_files
from voiceagent.app.engines import build_engine
from voiceagent.app.settings import default_settings
from voiceagent.audio.files import resample
from voiceagent.engines.asr.contract import SAMPLE_RATE, AsrEvent, Transcript
from voiceagent.engines.drive import drive
from voiceagent.engines.nemo.magpie_checkpoint import load_magpie, pack_magpie
from voiceagent.engines.nemo.runtime import pick_device, pick_dtype, quiet
from voiceagent.engines.tts.contract import SpeechAudio, TtsEvent
from voiceagent.engines.tts.magpie.engine import MagpieEngine
from voiceagent.engines.tts.magpie.voices import voice_index
from voiceagent.weights import Store

NAME = "magpie_quality"
SENTENCES = (
    "Good evening, and welcome back.",
    "The train to the coast leaves at a quarter past nine.",
    "I would like two cups of coffee and a glass of water, please.",
    "She opened the window and listened to the rain.",
    "Most of the houses in this street were built a hundred years ago.",
    "Could you tell me how to get to the old library?",
    "It takes patience to learn a language, but it is worth the time.",
    "The children laughed when the dog ran off with the ball.",
    "Nobody knew why the lights had gone out so suddenly.",
    "We will call you as soon as the parcel has arrived.",
    "A strong wind blew from the mountains all night long.",
    "Thank you for waiting; your table is ready now.",
)
QUICK_SENTENCES = 2

Pcm = NDArray[np.float32]


def main(arguments: Sequence[str]) -> int:
    """Run the comparison; return the exit status."""
    line = form.parser(NAME, str(__doc__))
    line.add_argument(
        "--model", default="magpie-tts-multilingual-v2607", help="manifest name, path or org/name@revision"
    )
    line.add_argument("--codec", default="nemo-nano-codec-22khz", help="likewise, for the codec")
    line.add_argument("--voice", default="aria")
    line.add_argument("--device", choices=("auto", "cpu", "cuda"), default="auto")
    line.add_argument("--dtype", choices=("auto", "float32", "bfloat16", "int8"), default="auto", help="of ours")
    line.add_argument("--recompute", action="store_true", help="ours without a cache, as NeMo's default: slow")
    line.add_argument("--dummy", action="store_true", help="tiny dummy weights, to see that the command works")
    options = line.parse_args(arguments)
    report = form.Report(NAME, form.command(NAME, arguments))
    device = pick_device(options.device)
    checkpoint, codec = magpie_files("tiny") if options.dummy else (options.model, options.codec)
    dtype = pick_dtype(options.dtype, device)
    files = {"codec": str(codec), "store": Store(), "device": device}
    model = load_magpie(str(checkpoint), **files, dtype=torch.float32, packed=False)
    sentences = SENTENCES[:QUICK_SENTENCES] if options.quick else SENTENCES
    if options.dummy:
        model.inference_parameters.max_decoder_steps = 60
    ears = Listener()
    index = voice_index(options.voice, model.num_baked_speakers)
    theirs = []
    for number, sentence in enumerate(sentences, 1):
        form.progress(f"NeMo: sentence {number} of {len(sentences)}")
        with quiet(), torch.inference_mode():
            audio, lengths = model.do_tts(sentence, apply_TN=False, speaker_index=index)
        theirs.append(ears.hear(audio[0, : int(lengths[0])].float().cpu().numpy(), model.output_sample_rate))
    model.to(torch.float32 if dtype == torch.int8 else dtype)
    model._codec_model.float()
    if device.type == "cpu":
        pack_magpie(model, dtype)
    engine = MagpieEngine(
        lambda: model, voice=options.voice, normalize=False, max_streams=1, recompute=options.recompute
    )
    engine.load()
    ours = []
    for number, sentence in enumerate(sentences, 1):
        form.progress(f"voiceagent: sentence {number} of {len(sentences)}")
        ours.append(ears.hear(spoken(engine, sentence), engine.sample_rate))
    report.samples["sentences"] = [
        {"text": text, "nemo": nemo, "ours": mine} for text, nemo, mine in zip(sentences, theirs, ours, strict=True)
    ]
    report.summary = {
        "wer_ours_percent": round(100 * mean(map(word_error_rate, sentences, ours)), 1),
        "wer_nemo_percent": round(100 * mean(map(word_error_rate, sentences, theirs)), 1),
        "sentences": len(sentences),
    }
    if options.json:
        report.write(options.json)
    print(form.results(report.summary, ()))
    return 0


def spoken(engine: MagpieEngine, sentence: str) -> Pcm:
    """Return our engine's audio of a sentence."""
    events: list[TtsEvent] = []
    stream = engine.open(events.append)
    stream.speak(1, 0, sentence, 0.0)
    drive(engine)
    stream.close()
    return np.concatenate([event.pcm for event in events if isinstance(event, SpeechAudio)])


class Listener:
    """The embedded recogniser."""

    def __init__(self) -> None:
        self._engine = build_engine("asr", default_settings(), gpus=())
        self._engine.load()

    def hear(self, audio: Pcm, rate: int) -> str:
        """Return what is understood of an utterance."""
        heard: list[AsrEvent] = []
        stream = self._engine.open(heard.append)
        stream.begin_speech()
        stream.push(resample(audio, rate, SAMPLE_RATE))
        stream.finalise(1, 0.0)
        drive(self._engine)
        stream.close()
        texts = [event.text for event in heard if isinstance(event, Transcript) and event.fork == 1]
        return texts[-1] if texts else ""


def word_error_rate(said: str, heard: str) -> float:
    """Return the edits that turn what was said into what was heard, for each word said."""
    wanted, got = _words(said), _words(heard)
    row = list(range(len(got) + 1))
    for i, word in enumerate(wanted, 1):
        diagonal, row[0] = row[0], i
        for j, other in enumerate(got, 1):
            diagonal, row[j] = row[j], min(row[j] + 1, row[j - 1] + 1, diagonal + (word != other))
    return row[-1] / max(1, len(wanted))


def _words(text: str) -> list[str]:
    return "".join(c if c.isalnum() or c == "'" else " " for c in text.lower()).split()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
