"""From settings to what one conversation asks of the lanes, for the forecast that admission uses.

Each engine's spec gives its steps; the costs give how long they take. The lengths are those of conversations with an
agent that is prompted to answer in a few short sentences.
"""

from voiceagent.app.specs import chosen
from voiceagent.config.settings import ENGINE_SECTIONS, LlmSettings, Settings, TurnSilenceSettings
from voiceagent.engines.steps import AsrSteps, LlmSteps, Steps, Talk, TtsSteps, TurnSteps, VadSteps
from voiceagent.engines.vad.contract import FRAME_S
from voiceagent.scheduler.admission.demand import Demand
from voiceagent.session.deadlines import SYNTHESIS_MARGIN_S, TEXT_MARGIN_S
from voiceagent.session.history import TRIM_TO

TALK = Talk()
ANSWER_TOKENS = 32
"""Two segments or three."""


def demand(settings: Settings) -> Demand:
    """Return what a conversation under these settings asks for."""
    llm, vad = settings.llm, settings.vad
    reread_tokens, reread_every = _rereading(llm, settings.session.history_turns)
    talk = Talk(
        reread_tokens=reread_tokens,
        first_segment_tokens=min(TALK.segment_tokens, llm.first_segment_max_tokens),
    )
    said: dict[str, Steps | None] = dict.fromkeys(ENGINE_SECTIONS)
    said |= {one.kind: one.spec.steps(one.settings, talk) for one in chosen(settings)}
    # An engine that does not declare its steps is assumed to cost nothing: only late answers make admission notice it.
    asr = said["asr"] if isinstance(said["asr"], AsrSteps) else AsrSteps()
    text = said["llm"] if isinstance(said["llm"], LlmSteps) else LlmSteps()
    whole = TtsSteps(first_sound_s=talk.segment_s, sound_s=talk.segment_s)
    voice = said["tts"] if isinstance(said["tts"], TtsSteps) else whole
    frames = said["vad"] if isinstance(said["vad"], VadSteps) else VadSteps()
    turn = said["turn"] if isinstance(said["turn"], TurnSteps) else TurnSteps()
    stop_ms = settings.turn.silence_ms if isinstance(settings.turn, TurnSilenceSettings) else vad.stop_ms
    return Demand(
        listening=(*frames.listening, *asr.listening),
        transcript=asr.transcript,
        judgement=turn.judgement,
        prompt=text.prompt,
        rereading=text.rereading,
        reread_every=reread_every if text.rereading else 1,
        first_text=text.first_text,
        text=text.text,
        voice=voice.begin,
        first_sound=voice.first_sound,
        first_sound_s=voice.first_sound_s,
        sound=voice.sound,
        sound_s=voice.sound_s,
        segment_s=talk.segment_s,
        pause_s=vad.pause_ms / 1000 + FRAME_S,  # silence is detected in whole frames, and so up to one later
        stop_s=stop_ms / 1000 + FRAME_S,
        sentence_pause_s=settings.session.sentence_pause_ms / 1000,
        sound_ahead_s=SYNTHESIS_MARGIN_S,
        text_ahead_s=TEXT_MARGIN_S,
        preemptive=llm.preemptive,
    )


def _rereading(llm: LlmSettings, history_turns: int) -> tuple[int, int]:
    """Return the tokens that are read when the oldest turns are dropped, and after how many questions that happens."""
    turn_tokens = TALK.prompt_tokens + ANSWER_TOKENS
    turns = min(history_turns, (llm.session_tokens - llm.max_tokens) // turn_tokens)
    kept = max(1, int(turns * TRIM_TO))
    return kept * turn_tokens, max(1, turns + 1 - kept)
