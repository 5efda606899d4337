"""Turns as OpenTelemetry traces: a turn is a trace, its stages, tools and steps are spans, sent by OTLP over HTTP.

The spans are made of finished `TurnTrace` records, on a thread of their own, so that a conversation never waits for a
collector; names and attributes are those of the semantic conventions for generative AI where they have one
(`gen_ai.*`), and `voiceagent.*` elsewhere. Where the collector is, who it believes and how this service is called may
also be said by OpenTelemetry's own environment variables (OTEL_EXPORTER_OTLP_HEADERS, OTEL_SERVICE_NAME, ...).

Needs the extra `otel`; nothing else imports this module.
"""

import asyncio
import json
import logging
import os
import time
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from opentelemetry.context import Context
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor, SpanExporter
from opentelemetry.trace import Span, SpanKind, StatusCode, set_span_in_context

from voiceagent import __version__
from voiceagent.trace.steps import StepRecord
from voiceagent.trace.turn import TurnTrace

log = logging.getLogger(__name__)

SERVICE = "voiceagent"
PATH = "/v1/traces"
SHORTEST_STEP_S = 0.001
"""Shorter steps (each frame of voice activity detection) are counted and have no span."""
MOST_STEPS = 200
"""Spans of steps in one turn: the longest."""
MOST_WAITING = 64
"""Turns that are waiting to be made into spans; more are dropped."""
TIMEOUT_S = 5.0
_CHAT = ("first token", "first segment")
"""The stages that are the language model's."""


class TurnSpans:
    """Sends each turn to a collector at `endpoint`, as in http://localhost:4318; what was said only if `log_text`.

    `models` are the models' names by kind (asr, llm, tts). `exporter` takes the place of OTLP, for tests.
    """

    def __init__(
        self, endpoint: str, models: Mapping[str, str], *, log_text: bool = False, exporter: SpanExporter | None = None
    ) -> None:
        self._models = models
        self._log_text = log_text
        resource = Resource.create(
            {"service.name": os.environ.get("OTEL_SERVICE_NAME", SERVICE), "service.version": __version__}
        )
        self._provider = TracerProvider(resource=resource, shutdown_on_exit=False)
        exporter = exporter or OTLPSpanExporter(endpoint=endpoint.rstrip("/") + PATH, timeout=TIMEOUT_S)
        self._provider.add_span_processor(BatchSpanProcessor(exporter))
        self._tracer = self._provider.get_tracer(SERVICE, __version__)
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="otlp")
        self._waiting = 0
        self._dropped = 0

    def append(self, trace: TurnTrace) -> None:
        """Send a finished turn, soon. Called on the event loop, whose clock the turn's times are of."""
        loop = asyncio.get_running_loop()
        if self._waiting >= MOST_WAITING:
            self._dropped += 1
            if self._dropped == 1:
                log.warning("turns are not traced: too many wait to be sent", extra={"waiting": self._waiting})
            return
        self._waiting += 1
        self._thread.submit(self._send, trace, time.time() - loop.time())

    def close(self) -> None:
        """Send what waits, for as long as that may take (`TIMEOUT_S`), and stop."""
        self._thread.shutdown(wait=True)
        self._provider.force_flush(int(TIMEOUT_S * 1000))
        self._provider.shutdown()

    def _send(self, trace: TurnTrace, zero: float) -> None:
        try:
            if trace.marks:
                _Turn(self._tracer, trace, zero, self._models, self._log_text).send()
        except Exception:  # a turn that cannot be traced is a pity, and no reason to trace no more
            log.exception("a turn could not be traced", extra={"session": trace.session, "turn": trace.turn})
        finally:
            self._waiting -= 1


class _Turn:
    """The spans of one turn. `zero` is when the event loop's clock began, in seconds since 1970."""

    def __init__(self, tracer: Any, trace: TurnTrace, zero: float, models: Mapping[str, str], log_text: bool) -> None:
        self._tracer = tracer
        self._trace = trace
        self._zero = zero
        self._models = models
        self._log_text = log_text

    def send(self) -> None:
        """Make them."""
        trace, marks = self._trace, self._trace.marks
        start, end = min(marks.values()), max(marks.values())
        said = {
            "gen_ai.input.messages": _message("user", trace.user_text),
            "gen_ai.output.messages": _message("assistant", trace.agent_text),
        }
        long = [step for step in trace.steps if step.end - step.start >= SHORTEST_STEP_S]
        root = self._span(
            f"invoke_agent {SERVICE}",
            start,
            {
                "gen_ai.operation.name": "invoke_agent",
                "gen_ai.provider.name": SERVICE,
                "gen_ai.agent.name": SERVICE,
                "gen_ai.conversation.id": trace.session,
                "gen_ai.output.type": "speech",
                "voiceagent.turn": trace.turn,
                "voiceagent.generation": trace.generation,
                "voiceagent.outcome": trace.outcome or "unfinished",
                "voiceagent.speculation": trace.speculation,
                "voiceagent.voice_to_voice_ms": trace.voice_to_voice_ms,
                "voiceagent.steps": len(trace.steps),
                **(said if self._log_text else {}),
            },
        )
        if trace.outcome == "failed":
            root.set_status(StatusCode.ERROR)
        inside = set_span_in_context(root, Context())
        self._stages(inside)
        self._tools(inside, end)
        for step in sorted(long, key=lambda step: step.start - step.end)[:MOST_STEPS]:
            self._step(inside, step)
        root.end(self._ns(end))

    def _stages(self, inside: Context) -> None:
        spans = {span.name: span for span in self._trace.spans()}
        speech_end = self._trace.marks.get("speech_end", 0.0)
        model = self._models.get("llm", "")
        chat = [spans[name] for name in _CHAT if name in spans]
        chat_end = speech_end
        if chat:
            start, chat_end = speech_end + chat[0].start_ms / 1000, speech_end + chat[-1].end_ms / 1000
            attributes = {
                "gen_ai.operation.name": "chat",
                "gen_ai.provider.name": SERVICE,
                "gen_ai.request.model": model,
                "gen_ai.conversation.id": self._trace.session,
            }
            talking = self._span(f"chat {model}".strip(), start, attributes, inside)
            within = set_span_in_context(talking, Context())
        for name, span in spans.items():
            made = self._span(
                name, speech_end + span.start_ms / 1000, {"voiceagent.stage": name}, within if name in _CHAT else inside
            )
            made.end(self._ns(speech_end + span.end_ms / 1000))
        if chat:
            talking.end(self._ns(chat_end))

    def _tools(self, inside: Context, over: float) -> None:
        for use in self._trace.tools:
            attributes = {
                "gen_ai.operation.name": "execute_tool",
                "gen_ai.tool.name": use.name,
                "gen_ai.tool.type": "function",
                "voiceagent.outcome": use.outcome,
                "error.type": use.outcome if use.outcome in ("failed", "cancelled") else None,
            }
            span = self._span(f"execute_tool {use.name}", use.start, attributes, inside)
            if use.outcome == "failed":
                span.set_status(StatusCode.ERROR)
            span.end(self._ns(over if use.end is None else use.end))

    def _step(self, inside: Context, step: StepRecord) -> None:
        facts = step.to_json()
        attributes = {
            f"voiceagent.step.{name}": facts[name]
            for name in ("lane", "size", "streams", "need", "predicted_ms", "slack_ms", "missed")
        }
        span = self._span(f"step {step.lane} {step.key[0]}", step.start, attributes, inside)
        if step.failure is not None:
            span.set_attribute("error.type", step.failure)
            span.set_status(StatusCode.ERROR)
        span.end(self._ns(step.end))

    def _span(self, name: str, start: float, attributes: Mapping[str, Any], inside: Context | None = None) -> Span:
        known = {key: value for key, value in attributes.items() if value is not None}
        span: Span = self._tracer.start_span(
            name, inside or Context(), SpanKind.INTERNAL, known, start_time=self._ns(start)
        )
        return span

    def _ns(self, at: float) -> int:
        return int((self._zero + at) * 1e9)


def _message(role: str, text: str) -> str:
    return json.dumps([{"role": role, "parts": [{"type": "text", "content": text}]}], ensure_ascii=False)
