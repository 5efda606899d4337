"""From settings to the config of a session."""

from voiceagent.app.languages import phrases
from voiceagent.config.settings import Settings, TurnDetectorSettings, TurnSilenceSettings
from voiceagent.session.config import ConversationConfig
from voiceagent.session.endpointing import Thresholds
from voiceagent.session.rules import Rules
from voiceagent.text import Segmenter


def conversation_config(settings: Settings) -> ConversationConfig:
    """Translate settings, in milliseconds, into the rules of a conversation, in seconds."""
    turn, session, vad, llm = settings.turn, settings.session, settings.vad, settings.llm
    detector = turn if isinstance(turn, TurnDetectorSettings) else TurnDetectorSettings(engine=turn.engine)
    said = phrases(settings)
    return ConversationConfig(
        rules=Rules(
            language=session.language,
            judge=detector is turn,
            preemptive=llm.preemptive,
            cut_off_cost_s=detector.cut_off_cost_s,
            stop_s=vad.stop_ms / 1000,
            silence_s=turn.silence_ms / 1000 if isinstance(turn, TurnSilenceSettings) else 0.0,
            max_wait_s=detector.max_wait_ms / 1000,
            patience_s=min(detector.patience_ms, detector.max_wait_ms) / 1000,
            min_speech_s=session.min_speech_ms / 1000,
            interrupt_after_s=session.interrupt_after_ms / 1000,
            idle_s=session.idle_s,
            min_confidence=session.min_confidence,
            max_speech_s=turn.max_speech_s,
            greet=True,
        ),
        thresholds=Thresholds(
            onset=vad.threshold,
            release=vad.release_threshold,
            onset_s=vad.onset_ms / 1000,
            pause_s=vad.pause_ms / 1000,
            stop_s=vad.stop_ms / 1000,
        ),
        language=session.language,
        greeting=session.greeting,
        idle_prompt=said.idle_prompt,
        ask_back=said.ask_back,
        failure_message=said.failure_message,
        system_prompt=llm.system_prompt,
        context_tokens=llm.session_tokens,
        max_tokens=llm.max_tokens,
        stop=llm.stop,
        temperature=llm.temperature,
        avoid_repeats=llm.avoid_repeats,
        max_turns=session.history_turns,
        summarise=session.summarise,
        background_db=session.background_db,
        sentence_pause_s=session.sentence_pause_ms / 1000,
        segmenter=lambda language: Segmenter(llm.first_segment_min_tokens, llm.first_segment_max_tokens, language),
        tool_filler=said.tool_filler,
        pressed=said.pressed,
        tool_filler_after_s=session.tool_filler_after_ms / 1000,
    )
