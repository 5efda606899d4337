"""Turns as OpenTelemetry traces, made of real conversations, sent to a collector that takes the protocol's bytes."""

import asyncio
import json
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread

import pytest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from voiceagent.app.turn_records import turn_records
from voiceagent.config.settings import TraceSettings
from voiceagent.errors import VoiceAgentError
from voiceagent.testing import Conversation, run_virtual
from voiceagent.trace import TurnTrace
from voiceagent.trace import otlp as otlp_module
from voiceagent.trace.otlp import TurnSpans

MODELS = {"asr": "listener", "llm": "thinker-1", "tts": "speaker"}


def weather(city: str) -> str:
    """Return the weather in a city."""
    return f"Sunny in {city}."


@pytest.fixture(scope="module")
def turns():
    async def main():
        async with Conversation("scripted.yaml", tools=[weather]) as talk:
            for words in ("what time is it?", "and the weather in Rome?"):
                await talk.says(words)
            return talk.turns.copy()

    return run_virtual(main())


def sent(turns, **options):
    """Return the finished spans of turns, by trace, and when the event loop's clock began."""
    kept = InMemorySpanExporter()

    async def main():
        spans = TurnSpans("http://unused", MODELS, exporter=kept, **options)
        for turn in turns:
            spans.append(turn)
        await asyncio.to_thread(spans.close)

    asyncio.run(main())
    traces = {}
    for span in kept.get_finished_spans():
        traces.setdefault(span.context.trace_id, []).append(span)
    return list(traces.values())


def tree(trace):
    """Return each span's name, and those of its children."""
    names = {span.context.span_id: span.name for span in trace}
    children = {}
    for span in sorted(trace, key=lambda span: span.start_time):
        if not span.name.startswith("step "):
            children.setdefault(names[span.parent.span_id] if span.parent else None, []).append(span.name)
    return children


def test_a_turn_is_a_trace_and_its_stages_and_tools_are_spans_as_the_conventions_name_them(turns):
    first, second = sent(turns)
    root = next(span for span in second if span.parent is None)
    assert root.name == "invoke_agent voiceagent"
    assert root.attributes["gen_ai.operation.name"] == "invoke_agent"
    assert root.attributes["gen_ai.conversation.id"] == turns[1].session
    assert root.attributes["voiceagent.turn"] == turns[1].turn
    assert root.attributes["voiceagent.voice_to_voice_ms"] == pytest.approx(turns[1].voice_to_voice_ms)
    assert root.attributes["voiceagent.outcome"] == "completed"
    stages = ["silence", "transcript", "turn decision", "first audio", "first packet"]
    assert tree(first) == {
        None: ["invoke_agent voiceagent"],
        "invoke_agent voiceagent": [*stages[:3], "chat thinker-1", *stages[3:]],
        "chat thinker-1": ["first token", "first segment"],
    }
    assert "execute_tool weather" in tree(second)["invoke_agent voiceagent"]
    tool = next(span for span in second if span.name.startswith("execute_tool"))
    assert tool.attributes["gen_ai.tool.name"] == "weather"
    chat = next(span for span in second if span.name.startswith("chat"))
    assert chat.attributes["gen_ai.request.model"] == "thinker-1"


def test_spans_last_as_long_as_what_they_are_of_and_lie_within_the_turn(turns):
    for trace, turn in zip(sent(turns), turns, strict=True):
        root = next(span for span in trace if span.parent is None)
        lasts = {span.name: (span.end_time - span.start_time) / 1e6 for span in trace}
        for stage in turn.spans():
            assert lasts[stage.name] == pytest.approx(stage.ms, abs=0.01)
        marks = turn.marks.values()
        assert lasts[root.name] == pytest.approx((max(marks) - min(marks)) * 1000, abs=0.01)
        assert all(root.start_time <= span.start_time for span in trace if not span.name.startswith("step "))


def test_steps_of_a_millisecond_and_more_are_spans_with_lane_and_promise(turns):
    for trace, turn in zip(sent(turns), turns, strict=True):
        steps = [span for span in trace if span.name.startswith("step ")]
        assert len(steps) == sum(step.end - step.start >= otlp_module.SHORTEST_STEP_S for step in turn.steps)
        assert {span.attributes["voiceagent.step.lane"] for span in steps} >= {"asr", "llm", "tts"}
        assert all(span.attributes["voiceagent.step.need"] for span in steps)


def test_words_are_sent_only_where_the_operator_allows_it(turns):
    assert not any("Rome" in str(dict(span.attributes)) for trace in sent(turns) for span in trace)
    root = next(span for span in sent(turns, log_text=True)[1] if span.parent is None)
    (message,) = json.loads(root.attributes["gen_ai.input.messages"])
    assert message == {"role": "user", "parts": [{"type": "text", "content": "and the weather in Rome?"}]}


def test_a_turn_without_marks_is_no_trace_and_a_failed_one_says_so():
    failed = TurnTrace("ab12", 3, outcome="failed", marks={"turn_decision": 1.0, "playout_end": 2.0})
    ((root,),) = sent([TurnTrace("ab12", 2), failed])
    assert root.status.is_ok is False


def test_a_collector_gets_the_turns_over_http(turns):
    got = []

    class Collector(BaseHTTPRequestHandler):
        def do_POST(self):
            body = self.rfile.read(int(self.headers["Content-Length"]))
            got.append((self.path, self.headers["Content-Type"], ExportTraceServiceRequest.FromString(body)))
            self.send_response(200)
            self.end_headers()

        def log_message(self, *_):
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Collector)
    Thread(target=server.serve_forever, daemon=True).start()
    try:

        async def main():
            (spans,) = turn_records(TraceSettings(otlp=f"http://127.0.0.1:{server.server_port}/"), MODELS)
            spans.append(turns[0])
            await asyncio.to_thread(spans.close)

        asyncio.run(main())
    finally:
        server.shutdown()
        server.server_close()
    ((path, kind, request),) = got
    assert (path, kind) == ("/v1/traces", "application/x-protobuf")
    resource = {one.key: one.value.string_value for one in request.resource_spans[0].resource.attributes}
    assert resource["service.name"] == "voiceagent"
    names = {span.name for span in request.resource_spans[0].scope_spans[0].spans}
    assert "invoke_agent voiceagent" in names


def test_a_collector_that_is_slow_costs_turns_and_holds_up_nobody(turns, monkeypatch, caplog):
    monkeypatch.setattr(otlp_module, "MOST_WAITING", 0)
    assert sent(turns) == []
    assert [record.message for record in caplog.records] == ["turns are not traced: too many wait to be sent"]


def test_without_the_packages_the_server_says_what_to_install(monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "voiceagent.trace.otlp", None)
    with pytest.raises(VoiceAgentError, match=r"pip install 'voiceagent\[otel\]'"):
        turn_records(TraceSettings(otlp="http://localhost:4318"), MODELS)
    assert turn_records(TraceSettings(), MODELS) == []
