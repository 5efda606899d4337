"""From settings to what one conversation asks of the lanes, for the forecast that admission rests on.

Each backend's steps stand here as its engine offers them; how long they take is left to the costs. The lengths are
those of talk as people have it with an agent that was told to answer in a few short sentences.
"""

from math import ceil

from voiceagent.config.settings import ASR, LLM, TTS, Settings, Turn
from voiceagent.engines.contract import Need
from voiceagent.engines.tts.magpie.presets import PRESETS
from voiceagent.engines.vad.contract import FRAME_S
from voiceagent.scheduler.admission.demand import Demand, Listening, Work, Works
from voiceagent.session.history import TRIM_TO
from voiceagent.session.response import SYNTHESIS_MARGIN_S, TEXT_MARGIN_S

SEGMENT_WORDS, SEGMENT_TOKENS, SEGMENT_S = 11, 14, 3.5
"""A sentence, its tokens (1.3 a word in English), and how long it sounds (15 characters a second)."""
PROMPT_TOKENS, ANSWER_TOKENS = 32, 32
"""The user's sentence and the chat template's marks around it; and two segments or three. What was said before is still
held, until it is too long."""
DRAFTED_STEPS = 3
"""Decoder steps of a transcript most of which the last partial one foresaw."""
TRANSCRIBED_S = 3
"""Length of what is transcribed."""
TOKENS_PER_S = 5
"""Of speech, where nothing was foreseen."""
HIBARI_SIZE = 2
"""Of such a sentence: its 42 to 56 phonemes, in twenties."""
SCRIPTED_WORDS_PER_S = 3.0
RECOGNISER_FRAME_S, VOICE_FRAME_S = 0.08, 0.0464
"""A frame of Nemotron's encoder, and of Magpie's codec (1,024 samples at 22,050 Hz); their modules need torch."""
BATCH = 64
"""Callers a step of a batched model serves at most."""


def demand(settings: Settings) -> Demand:
    """Return what a conversation under these settings asks for."""
    llm, turn = settings.llm, settings.turn
    rereading, reread_every = _rereading(llm, settings.session.history_turns)
    stop_ms = settings.vad.stop_ms if turn.detector == "smart_turn" else turn.silence_ms
    return Demand(
        listening=(Listening(_steps("vad.frame", share=BATCH), FRAME_S, always=True), *_listening(settings.asr)),
        transcript=_transcript(settings.asr),
        judgement=_judgement(turn),
        prompt=_reading(llm, PROMPT_TOKENS),
        rereading=rereading,
        reread_every=reread_every,
        first_text=_text(llm, min(SEGMENT_TOKENS, llm.first_segment_max_tokens)),
        text=_text(llm, SEGMENT_TOKENS),
        voice=_voice(settings.tts),
        first_sound=_sound(settings.tts, first=True),
        first_sound_s=_sound_s(settings.tts, first=True),
        sound=_sound(settings.tts, first=False),
        sound_s=_sound_s(settings.tts, first=False),
        segment_s=SEGMENT_S,
        pause_s=settings.vad.pause_ms / 1000 + FRAME_S,  # silence is told by whole frames, and so up to one later
        stop_s=stop_ms / 1000 + FRAME_S,
        sentence_pause_s=settings.session.sentence_pause_ms / 1000,
        sound_ahead_s=SYNTHESIS_MARGIN_S,
        text_ahead_s=TEXT_MARGIN_S,
        preemptive=llm.preemptive,
    )


def _steps(kind: str, size: int = 1, times: int = 1, share: int = 1) -> Works:
    return (Work((kind, size), times, share),)


def _listening(asr: ASR) -> tuple[Listening, ...]:
    if asr.engine == "nemotron":  # hears everything, silence too
        return (Listening(_steps("asr.chunk", share=BATCH), _chunk_s(asr), always=True),)
    if not asr.partials:
        return ()
    if asr.engine == "scripted":
        return (Listening(_steps("asr.partial"), 1 / SCRIPTED_WORDS_PER_S, always=False),)
    works = (*_steps("asr.encode", TRANSCRIBED_S), *_steps("asr.decode", times=DRAFTED_STEPS))
    return (Listening(works, asr.partial_interval_ms / 1000, always=False, need=Need.SPECULATIVE),)


def _transcript(asr: ASR) -> Works:
    if asr.engine == "nemotron":  # the chunk that the last word ends in, and the tail
        return _steps("asr.chunk", times=1 + ceil(asr.tail_ms / 1000 / _chunk_s(asr)), share=BATCH)
    if asr.engine == "scripted":
        return _steps("asr.final")
    decoded = DRAFTED_STEPS if asr.partials else TRANSCRIBED_S * TOKENS_PER_S
    return (*_steps("asr.encode", TRANSCRIBED_S), *_steps("asr.decode", times=decoded))


def _chunk_s(asr: ASR) -> float:
    return (asr.right_context + 1) * RECOGNISER_FRAME_S


def _judgement(turn: Turn) -> Works:
    if turn.detector == "silence":
        return ()
    return (*_steps("turn.features"), *_steps("turn.model"))


def _reading(llm: LLM, tokens: int) -> Works:
    if llm.engine == "scripted":
        return _steps("llm.prefill")
    times = ceil(tokens / (1.5 * llm.prefill_tokens))  # a small rest is read with the piece before it
    return _llama(llm, ceil(tokens / times), times)


def _rereading(llm: LLM, history_turns: int) -> tuple[Works, int]:
    """Return what is read when the oldest turns are dropped, and after how many questions that is."""
    if llm.engine != "llama":
        return (), 1
    turn_tokens = PROMPT_TOKENS + ANSWER_TOKENS
    turns = min(history_turns, (llm.session_tokens - llm.max_tokens) // turn_tokens)
    kept = max(1, int(turns * TRIM_TO))
    return _reading(llm, kept * turn_tokens), max(1, turns + 1 - kept)


def _text(llm: LLM, tokens: int) -> Works:
    return _steps("llm.decode", times=SEGMENT_WORDS) if llm.engine == "scripted" else _llama(llm, 1, tokens)


def _llama(llm: LLM, size: int, times: int) -> Works:
    if llm.engine == "openai":  # another machine's work
        return ()
    together = llm.streams_per_step or (BATCH if llm.gpu_layers else 1)
    return _steps("llm.step", size, times, together)


def _voice(tts: TTS) -> Works:
    """Return the steps before a segment's first sound."""
    match tts.engine:
        case "hibari":
            return _steps("tts.phonemes")
        case "magpie":
            return (*_steps("tts.text", 0), *_steps("tts.begin", 0))
        case _:
            return ()


def _sound(tts: TTS, *, first: bool) -> Works:
    match tts.engine:
        case "hibari":  # a sentence is spoken at once
            return (*_steps("tts.spectra", HIBARI_SIZE), *_steps("tts.sound", HIBARI_SIZE))
        case "magpie":
            frames = _frames(tts, first=first)
            return (*_steps("tts.decode", times=frames + first, share=BATCH), *_steps("tts.sound", frames))
        case _:
            return _steps("tts.segment")


def _sound_s(tts: TTS, *, first: bool) -> float:
    match tts.engine:
        case "hibari":
            return SEGMENT_S
        case "magpie":
            return _frames(tts, first=first) * VOICE_FRAME_S
        case _:
            return SEGMENT_S / SEGMENT_WORDS


def _frames(tts: TTS, *, first: bool) -> int:
    preset = PRESETS[tts.preset]
    return preset.first if first else preset.following
