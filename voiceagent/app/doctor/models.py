"""The doctor's questions about model files: are they here, whole, and the pinned ones? No file is read through."""

import json
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path

from voiceagent.app.capacity.engine_needs import SILERO
from voiceagent.app.doctor.finding import Finding, ok, problem, skipped, warning
from voiceagent.config.settings import Settings
from voiceagent.weights import FileState, Model, Store


def check_models(settings: Settings, store: Store) -> Iterator[Finding]:
    """Every model file that the settings need."""
    names = list(dict.fromkeys(_names(settings)))
    if not names:
        yield ok("models", "these settings need no files")
    for name in names:
        if name in store.manifest.models:
            yield _pinned(store, store.manifest.models[name])
        elif name.endswith((".gguf", ".nemo")):
            path = Path(name).expanduser()
            if path.is_file():
                yield ok("models", f"{path}: {path.stat().st_size / 1e6:,.1f} MB, no hash pinned")
            else:
                yield problem("models", f"{path} is not here", "give the path of a file that is")
        elif "@" in name:
            yield warning("models", f"{name} lies on a hub: it is fetched when the agent first starts")
        else:
            yield problem("models", f"there is no model {name}", "`voiceagent weights list` tells which there are")


def check_voice(settings: Settings) -> Iterator[Finding]:
    """The embedded voice, which comes in a package and needs no espeak."""
    tts = settings.tts
    spec = find_spec("hibari")
    if tts.engine != "hibari" or spec is None or spec.origin is None:
        yield skipped("voice", f"{tts.engine}: nothing to look at")
        return
    voices = json.loads((Path(spec.origin).parent / "assets" / "voices.json").read_text(encoding="utf-8"))
    bundled = [name for name, about in voices.items() if about.get("bundled")]
    if tts.voice in (*bundled, "default"):
        yield ok("voice", f"{tts.voice}, which is in the package hibari-tts; espeak is not needed")
    elif tts.voice in voices:
        fetch = f'python -c "from hibari.voices import voice_path; voice_path({tts.voice!r})"'
        yield warning("voice", f"{tts.voice} is not in the package, and must have been fetched", f"if not: {fetch}")
    else:
        yield problem("voice", f"hibari has no voice {tts.voice}", f"set tts.voice to one of {', '.join(voices)}")


def _names(settings: Settings) -> Iterator[str]:
    asr, llm, tts, turn = settings.asr, settings.llm, settings.tts, settings.turn
    if asr.engine in ("moonshine", "nemotron"):
        yield asr.model
    if llm.engine == "llama":
        yield llm.model
    if tts.engine == "magpie":
        yield from (tts.model, tts.codec)
    if settings.vad.engine == "silero":
        yield SILERO
    if turn.detector == "smart_turn":
        yield turn.model


def _pinned(store: Store, model: Model) -> Finding:
    states = [store.state(model, file) for file in model.files]
    worst = next(state for state in FileState if state in states)
    size = f"{model.size / 1e6:,.1f} MB"
    missing = f"run `voiceagent weights pull {model.name}`"
    match worst:
        case FileState.ABSENT:
            here = len(states) - states.count(FileState.ABSENT)
            return problem("models", f"{model.name}: {here} of {len(states)} files are here ({size})", missing)
        case FileState.WRONG_SIZE:
            return problem("models", f"{model.name}: damaged, not {size}", missing)
        case FileState.UNVERIFIED:
            first = f"`voiceagent weights verify {model.name}` does it now; else the agent does when it starts"
            return warning("models", f"{model.name}: {size}, its hash is not verified", first)
        case FileState.UNPINNED | FileState.VERIFIED:
            return ok("models", f"{model.name}: {size}, {worst}")
