"""One response in the making: text from the LLM, cut into segments, spoken by the TTS, queued for playout.

It sets the deadlines: now, while the user waits in silence; later, the moment this session's playout runs dry. A
response that is not released yet prepares its first segment and then holds, so that little is lost if it is dropped.
The model may call tools and go on with their results, as one response of several replies; no tool runs before the
release, as what it does may not be undone. It does not know why it was started or when it ends; the machine decides
that.
"""

import asyncio
import logging
from collections.abc import Callable
from dataclasses import replace

from voiceagent.audio.speech import SpeechChunk
from voiceagent.engines.contract import HOLD, Need, StreamFailed
from voiceagent.engines.llm.contract import Completed, LlmEvent, Message, Token, ToolCall, ToolCalls
from voiceagent.engines.tts.contract import SpeechAudio, TtsEvent
from voiceagent.errors import VoiceAgentError
from voiceagent.session.call_round import CallRound
from voiceagent.session.config import ConversationConfig
from voiceagent.session.deadlines import Deadlines, need_of
from voiceagent.session.repetition import Opening, Said, is_repeated, without
from voiceagent.session.reply import Reply
from voiceagent.session.reports import Report, SegmentAnnounced, TextCompleted, TextWritten, ToolUsed
from voiceagent.session.segment import Segment, heard_of
from voiceagent.session.streams import Streams
from voiceagent.session.tally import Tally
from voiceagent.text import ends_sentence, speakable
from voiceagent.trace.tools import ToolUse
from voiceagent.trace.turn import Mark

log = logging.getLogger(__name__)

MAX_ROUNDS = 4
"""Replies in a row that call tools: a model that wants more has lost its way, and the user is waiting."""
ATTEMPTS = 2
"""How often a reply that repeats an earlier one is made again: without that one in the history, then without any."""
NUDGE = "(Answer in one or two spoken sentences.)"
"""Added when the model said nothing, so that its second attempt differs even with greedy sampling."""


class ResponseRun:
    """The pipeline of one generation."""

    def __init__(
        self,
        generation: int,
        begun_at: float,
        streams: Streams,
        config: ConversationConfig,
        report: Callable[[Report], None],
        on_failed: Callable[[str, Exception | None], None],
        on_read: Callable[[bool], None],
    ) -> None:
        self.generation = generation
        self.tally = Tally(counted=config.count_usage)
        self.cut = False
        """Whether its last reply reached its length."""
        self.written_whole = False
        self.segments: list[Segment] = []
        self.marks: dict[Mark, float] = {}
        """When the first token, segment and audio came."""
        self.begun_at = begun_at
        self.released = False
        self._streams = streams
        self._config = config
        self._report = report
        self._on_failed = on_failed
        self._on_read = on_read
        """What is not spoken is being read (False), and was read to its end (True)."""
        self._loop = asyncio.get_running_loop()
        self._messages: tuple[Message, ...] = ()
        self._rounds: list[CallRound] = []
        """The replies that called tools; the one under way comes after them."""
        self._said: tuple[Said, ...] = ()
        """Earlier replies, which should not come again."""
        self._opening: Opening | None = None
        """Holds back the beginning of the reply until it is known to be new."""
        self._draw = 0
        self._nudged = False
        self._filler: asyncio.TimerHandle | None = None
        self._reply = Reply(config.segmenter(config.language))
        self._wanted = Deadlines(streams.playout, generation)

    def think(self, messages: tuple[Message, ...], said: tuple[Said, ...] = ()) -> None:
        """Let the language model reply to `messages`, in other words than those of `said`, its earlier replies."""
        self._messages = messages
        self._said = said
        self._opening = self._new_opening()
        self._generate()

    def say(self, text: str, *, remembered: bool = True) -> None:
        """Speak a given text."""
        segmenter = self._config.segmenter(self._config.language)
        for part in segmenter.push(text) + segmenter.flush():
            if spoken := self._spoken(part):
                self._speak(part, spoken, 0 if remembered else None)
        self._complete_text()

    def release(self) -> None:
        """The user listens from now on: nothing of this is speculative any more."""
        self.released = True
        self._streams.playout.release(self.generation)
        for index, segment in enumerate(self.segments):
            if segment.words:
                self._announce(index)
        self._report_completion()
        self._reschedule()
        if not self.spoken:
            self._finish_if_whole()
        if self._rounds:
            self._start_calls()

    def end(self, on_late: Callable[[str, str], None]) -> None:
        """Stop making more of it; the caller stops the playout. `on_late` gets (call id, result) of tools that
        finish nevertheless."""
        self._streams.llm.cancel(self.generation)
        self._streams.tts.cancel(self.generation)
        self._cancel_filler()
        if self._rounds:
            self._rounds[-1].end(on_late)

    def on_llm(self, event: LlmEvent) -> None:
        """Take what the language model made."""
        match event:
            case Token():
                self.marks.setdefault("first_token", self._loop.time())
                self.tally.wrote()
                if self._take_reply(self._reply.push(event.text)) and self._reply.over:
                    self._streams.llm.cancel(self.generation)
                    self._complete_reply(cut=False)
            case ToolCalls():
                self._reply.add_calls(event.calls)
            case Completed(_, reason):
                self._complete_reply(cut=reason == "length")
            case StreamFailed():
                self._on_failed("llm", event.error)

    def on_tts(self, event: TtsEvent) -> None:
        """Take what the voice made."""
        if isinstance(event, StreamFailed):
            self._on_failed("tts", event.error)
            return
        self.marks.setdefault("first_audio", self._loop.time())
        self._enqueue(event)
        if self.released:
            self._reschedule()

    @property
    def spoken(self) -> bool:
        """Whether it is spoken, or only written."""
        return self._config.speak

    @property
    def written(self) -> dict[int, int]:
        """The number of words of each segment."""
        return {index: len(segment.words) for index, segment in enumerate(self.segments)}

    @property
    def tool_uses(self) -> list[ToolUse]:
        """Return the calls of tools so far."""
        return [use for past in self._rounds for use in past.uses]

    def heard_text(self, heard_words: dict[int, int]) -> str:
        """Return what was heard, given the number of words heard of each segment."""
        return " ".join(text for _, text in heard_of(self.segments, heard_words) if text)

    def remembered(self, heard_words: dict[int, int]) -> tuple[Message, ...]:
        """Return what the model sees of this response after its end: calls, results, and what was heard of it.

        Fillers, which the model did not write, are left out so that it does not learn to say them.
        """
        heard = {reply: text for reply, text in heard_of(self.segments, heard_words) if reply is not None}
        said = [part for number, past in enumerate(self._rounds) for part in past.messages(heard.get(number, ""))]
        last = heard.get(len(self._rounds), "")
        return (*said, Message("assistant", last)) if last else tuple(said)

    # One reply of the language model

    def _generate(self, nudge: str = "") -> None:
        *messages, last = (*self._messages, *(part for past in self._rounds for part in past.messages(past.said)))
        if nudge:
            last = replace(last, content=f"{last.content} {nudge}")
        deadline = self._wanted.first_text(self.released)
        self._reply = Reply(self._config.segmenter(self._config.language), self._messages, self._config.stop)
        need = need_of(self.released, begun=bool(self.segments))
        options = replace(self._config.reply_options, said=tuple(past.text for past in self._said), draw=self._draw)
        if not (self.released or nudge or self._rounds):
            options = replace(options, judge_words=True)
        self.tally.read(prompt := (*messages, last))
        self._streams.llm.generate(self.generation, prompt, deadline, need=need, options=options)

    def _take_reply(self, texts: list[str], *, whole: bool = False) -> bool:
        """Speak more of the reply; return False if it repeats an earlier one, and is made again."""
        if (opening := self._opening) is not None:
            texts = opening.judge(texts, whole=whole)
            if opening.culprit:
                self._begin_again(opening.culprit)
                return False
            if texts:
                self._opening = None
        self._take(texts)
        return True

    def _begin_again(self, culprit: str) -> None:
        log.info("a reply that repeats an earlier one is made again", extra={"generation": self.generation})
        self._draw += 1
        last = self._draw == ATTEMPTS
        self._opening = None if last else self._new_opening()
        kept = without(self._messages, None if last else culprit)
        self._messages = kept if kept != self._messages else without(self._messages, None)
        self._generate()
        if last:
            self._said = ()

    def _new_opening(self) -> Opening | None:
        return Opening(self._said, self._messages[-1].content) if self._said else None

    def _complete_reply(self, *, cut: bool) -> None:
        self.cut = cut
        if not self._take_reply(self._reply.finish(cut=cut and self._has_spoken), whole=True):
            return
        if calls := self._reply.calls:
            self._call(calls)
        elif self._has_spoken:
            self._complete_text()
        elif not self._nudged:
            self._nudged = True
            self._generate(NUDGE)
        else:
            what = "wrote a tool call that cannot be read" if self._reply.unreadable else "said nothing"
            self._on_failed("llm", VoiceAgentError(f"The language model {what}, twice."))

    @property
    def _has_spoken(self) -> bool:
        """Whether there is something to hear of the reply under way."""
        return any(segment.reply == len(self._rounds) for segment in self.segments)

    # Tools

    def _call(self, calls: list[ToolCall]) -> None:
        if len(self._rounds) == MAX_ROUNDS:
            self._on_failed(
                "llm", VoiceAgentError(f"The language model called tools {MAX_ROUNDS + 1} times without an answer.")
            )
            return
        known = sum(len(past.calls) for past in self._rounds)
        named = (
            replace(call, id=call.id or f"call_{self.generation}_{number}") for number, call in enumerate(calls, known)
        )
        self._rounds.append(CallRound(self._reply.said.strip(), tuple(named)))
        if self.released:
            self._start_calls()

    def _start_calls(self) -> None:
        calls = self._rounds[-1]
        for call in calls.calls:
            self._report(ToolUsed(self.generation, call.name, call.id, call.arguments, running=True))
        calls.start(self._streams.start_call, self._on_answer)
        self._await_filler()

    def _on_answer(self, call: ToolCall, text: str, use: ToolUse) -> None:
        result, error = (None, text) if use.outcome == "failed" else (text, None)
        self._report(
            ToolUsed(
                self.generation,
                call.name,
                call.id,
                call.arguments,
                running=False,
                result=result,
                error=error,
                seconds=use.seconds,
            )
        )
        if self._rounds[-1].answered:
            self._cancel_filler()
            try:
                self._generate()
            except Exception as error:  # called from a tool's task: there is no caller to raise to
                self._on_failed("llm", error)

    def _await_filler(self) -> None:
        """Have it said that this takes a while, once what there is to hear is over and silence has lasted."""
        self._cancel_filler()
        if self._config.tool_filler and self.spoken:
            playing_s = self._streams.playout.buffered_s(self.generation)
            self._filler = self._loop.call_later(playing_s + self._config.tool_filler_after_s, self._fill)

    def _fill(self) -> None:
        if all(segment.audio_done for segment in self.segments):  # else its audio will set the timer again
            self._filler = None
            self._speak(self._config.tool_filler, self._config.tool_filler, None)

    def _cancel_filler(self) -> None:
        if self._filler is not None:
            self._filler.cancel()
            self._filler = None

    # Speech

    def _take(self, texts: list[str]) -> None:
        for text in texts:
            if self._has_spoken and self._is_noise(text):
                continue
            spoken = self._spoken(text)
            if spoken:
                self._speak(text, spoken, len(self._rounds))
            elif self._has_spoken:
                self.segments[-1].text += text
        if texts:
            self._reschedule()

    def _is_noise(self, text: str) -> bool:
        """Return whether this is a sentence, after another, that was heard in an earlier reply."""
        language = self._config.language
        whole = ends_sentence(text, language) and ends_sentence(self.segments[-1].text, language)
        return whole and is_repeated(text, self._said)

    def _spoken(self, text: str) -> str:
        return speakable(text, self._config.language) if self.spoken else text.strip()

    def _speak(self, text: str, spoken: str, reply: int | None) -> None:
        self.marks.setdefault("first_segment", self._loop.time())
        self.segments.append(Segment(text, spoken, reply, spoken.split(), audio_done=not self.spoken))
        index = len(self.segments) - 1
        if self.released:
            self._announce(index)
        if not self.spoken:
            return
        self._streams.tts.speak(
            self.generation,
            index,
            spoken,
            self._wanted.audio(),
            need=need_of(self.released, begun="first_audio" in self.marks),
            voice=self._config.voice,
            language=self._config.language,
        )

    def _announce(self, index: int) -> None:
        if self.spoken:
            self._report(SegmentAnnounced(self.generation, index, tuple(self.segments[index].words)))
        else:
            self._report(TextWritten(self.generation, self.segments[index].text))
            self._on_read(False)

    def _complete_text(self) -> None:
        self.written_whole = True
        if not self.segments:
            self._on_failed("llm", None)
        self._report_completion()
        self._finish_if_whole()

    def _report_completion(self) -> None:
        if self.released and self.written_whole and self.segments:
            self._report(TextCompleted(self.generation))

    def _enqueue(self, audio: SpeechAudio) -> None:
        segment = self.segments[audio.segment]
        segment.audio_done = audio.final
        pause_s = (
            self._config.sentence_pause_s if audio.final and ends_sentence(segment.text, self._config.language) else 0.0
        )
        self._streams.playout.enqueue(
            SpeechChunk(self.generation, audio.segment, audio.pcm, audio.words, audio.final, pause_s)
        )
        if self._filler is not None:
            self._await_filler()
        self._finish_if_whole()

    def _finish_if_whole(self) -> None:
        if self.written_whole and self.segments and all(segment.audio_done for segment in self.segments):
            if self.spoken:
                self._streams.playout.finish(self.generation)
            elif self.released:
                self._on_read(True)

    def _reschedule(self) -> None:
        llm, tts = self._streams.llm, self._streams.tts
        if not self.released:
            if self.segments:
                llm.reschedule(self.generation, HOLD, need=Need.SPECULATIVE)
            return
        unspoken = sum(len(segment.spoken) for segment in self.segments if not segment.audio_done)
        need = need_of(released=True, begun="first_audio" in self.marks)
        tts.reschedule(self.generation, self._wanted.audio(), need=need)
        need = need_of(released=True, begun=bool(self.segments))
        llm.reschedule(self.generation, self._wanted.text(unspoken), need=need)
