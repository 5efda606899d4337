"""Counters and histograms for Prometheus, in a registry of their own: two servers in one process share nothing.

Labels never hold a session, a turn or a size, so that the number of time series does not grow as the server runs.
"""

from math import isfinite

from prometheus_client import (
    CONTENT_TYPE_LATEST,
    CollectorRegistry,
    Counter,
    Gauge,
    Histogram,
    ProcessCollector,
    generate_latest,
)

from voiceagent.trace.steps import StepRecord
from voiceagent.trace.tools import ToolUse
from voiceagent.trace.turn import TurnTrace

VOICE_TO_VOICE_S = (
    0.05,  # nothing real is this fast: a mark is wrong
    0.1,
    0.2,  # the gap between people (Stivers 2009)
    0.3,
    0.4,  # what the embedded default aims at
    0.5,
    0.6,
    0.7,  # where its median must be on two cores
    0.85,
    1.0,  # where people begin to wonder
    1.2,  # where its 90th percentile must be
    1.7,  # the median of the same models behind a separate-process pipeline
    2.5,
    5.0,  # the user has asked "hello?"
)
STAGE_S = (
    0.005,  # speculation had it ready
    0.01,
    0.02,  # one frame of audio: first packet
    0.05,  # a recogniser or turn detector on a good CPU
    0.075,
    0.1,
    0.15,
    0.2,  # the silence that ends speech
    0.3,
    0.5,  # half of what a whole turn may take
    0.75,
    1.0,
    2.0,  # a bounded wait for more words
    5.0,
)
STEP_S = (
    0.0002,  # one frame of voice activity detection
    0.0005,
    0.001,
    0.002,  # below this the scheduler does not ration steps
    0.005,
    0.01,
    0.02,  # the bound that steps aim at on a GPU
    0.03,
    0.05,
    0.075,  # turn detection on one CPU core takes 63 ms
    0.1,
    0.2,
    0.5,  # all callers wait: a step this long should have been several
    1.0,
)
SLACK_S = (
    -1.0,  # a caller has waited for a second
    -0.5,
    -0.2,
    -0.1,
    -0.05,
    -0.02,
    0.0,  # below: too late before it began, or wanted at once
    0.02,
    0.05,  # what a hiccup of the machine costs
    0.1,
    0.2,
    0.5,
    1.0,
    2.0,
    5.0,  # a long answer is ready
)
LAG_S = (
    0.001,  # an idle loop: its selector waits in whole milliseconds
    0.002,
    0.003,
    0.004,
    0.005,
    0.006,
    0.008,
    0.01,  # where the 99th percentile must be
    0.015,
    0.02,  # a packet goes out a packet late
    0.03,
    0.05,
    0.1,
    0.2,
    0.5,
    1.0,
)
TOOL_S = (
    0.001,  # a function that only computes
    0.01,
    0.03,
    0.1,  # a server nearby
    0.3,
    0.7,  # when the filler phrase begins, by default
    1.0,
    2.0,
    5.0,
    10.0,  # the time limit, by default
    30.0,
    120.0,
)
STREAMS = (1, 2, 3, 4, 6, 8, 12, 16, 24, 32, 48, 64)


class Metrics:
    """A server's metrics. Attributes are Prometheus metrics: `metrics.interruptions.inc()`."""

    def __init__(self) -> None:
        self.registry = registry = CollectorRegistry()
        self.voice_to_voice = Histogram(
            "voiceagent_voice_to_voice_seconds",
            "From the end of the user's speech to the first packet of the answer, as the server sees it.",
            buckets=VOICE_TO_VOICE_S,
            registry=registry,
        )
        self.stages = Histogram(
            "voiceagent_stage_seconds",
            "Stages of a turn between the end of speech and the first packet.",
            ["stage"],
            buckets=STAGE_S,
            registry=registry,
        )
        self.step_times = Histogram(
            "voiceagent_step_seconds", "Steps run by the lanes.", ["lane", "key"], buckets=STEP_S, registry=registry
        )
        self.step_streams = Histogram(
            "voiceagent_step_streams",
            "Callers served by one step.",
            ["lane", "key"],
            buckets=STREAMS,
            registry=registry,
        )
        self.slack = Histogram(
            "voiceagent_step_slack_seconds",
            "Deadline minus start minus predicted cost, when a step began; of steps that are promised or awaited.",
            ["lane"],
            buckets=SLACK_S,
            registry=registry,
        )
        self.misses = Counter(
            "voiceagent_step_misses",
            "Steps that ended after their promised deadline.",
            ["lane", "key"],
            registry=registry,
        )
        self.failed_steps = Counter(
            "voiceagent_step_failures",
            "Steps without a result: error, memory (too little) or hang.",
            ["lane", "key", "kind"],
            registry=registry,
        )
        self.lane_ready = Gauge(
            "voiceagent_lane_ready",
            "1 for a loaded, healthy lane: no step of it hangs, and not every one fails; /ready gives details.",
            ["lane"],
            registry=registry,
        )
        self.loop_lag = Histogram(
            "voiceagent_loop_lag_seconds",
            "How late the event loop runs due calls, sampled every 50 ms.",
            buckets=LAG_S,
            registry=registry,
        )
        ProcessCollector(registry=registry)
        self.turns = Counter("voiceagent_turns", "Turns, by how they ended.", ["outcome"], registry=registry)
        self.interruptions = Counter(
            "voiceagent_interruptions", "Responses that the user interrupted.", registry=registry
        )
        self.false_interruptions = Counter(
            "voiceagent_false_interruptions", "Pauses for a sound without words; playout resumed.", registry=registry
        )
        self.speculations = Counter(
            "voiceagent_speculations", "Responses prepared ahead of time: used or dropped.", ["fate"], registry=registry
        )
        self.sessions = Gauge("voiceagent_sessions", "People connected now.", registry=registry)
        self.speech_streams = Gauge(
            "voiceagent_speech_streams", "Recognisers and voices in use without a conversation.", registry=registry
        )
        self.capacity_sessions = Gauge(
            "voiceagent_capacity_sessions",
            "How many callers can be answered in time; NaN while unknown.",
            registry=registry,
        )
        self.step_slowness = Gauge(
            "voiceagent_step_slowness",
            "How many times as long as predicted recent steps have taken.",
            registry=registry,
        )
        self.refused_sessions = Counter(
            "voiceagent_refused_sessions",
            "Callers turned away: server_full (the cap), server_busy (more could not be answered in time), "
            "address_full, not_ready, out_of_order (a lane hangs or fails).",
            ["reason"],
            registry=registry,
        )
        self.packets = Counter(
            "voiceagent_packets", "Audio packets from users: received, lost or concealed.", ["fate"], registry=registry
        )
        self.underruns = Counter(
            "voiceagent_underruns", "Times a response fell silent because its audio came too late.", registry=registry
        )
        self.engine_errors = Counter(
            "voiceagent_engine_errors", "Failures reported to callers, by engine.", ["engine"], registry=registry
        )
        self.tool_calls = Counter(
            "voiceagent_tool_calls",
            "Finished tool calls: done, failed or cancelled.",
            ["tool", "outcome"],
            registry=registry,
        )
        self.tool_times = Histogram(
            "voiceagent_tool_seconds", "How long tool calls took.", ["tool"], buckets=TOOL_S, registry=registry
        )
        # A series that appears with its first event hides that event from rate(), so known ones exist from the start.
        for outcome in ("completed", "interrupted", "failed", "cancelled"):
            self.turns.labels(outcome)
        for reason in ("server_full", "server_busy", "address_full", "not_ready", "out_of_order"):
            self.refused_sessions.labels(reason)
        for fate in ("used", "dropped"):
            self.speculations.labels(fate)
        for fate in ("received", "lost", "concealed"):
            self.packets.labels(fate)

    def observe_turn(self, trace: TurnTrace) -> None:
        """Count a finished turn: outcome, speculation, voice-to-voice and stages."""
        if trace.outcome is not None:
            self.turns.labels(trace.outcome).inc()
        self.speculations.labels("used").inc(trace.speculations_used)
        self.speculations.labels("dropped").inc(trace.speculations_dropped)
        if trace.voice_to_voice_ms is not None:
            self.voice_to_voice.observe(trace.voice_to_voice_ms / 1000)
        for span in trace.spans():
            self.stages.labels(span.name.replace(" ", "_")).observe(span.ms / 1000)

    def observe_step(self, record: StepRecord) -> None:
        """Count a step of a lane: its time, its callers, its slack, and whether it missed its deadline or failed."""
        lane, key = record.lane, record.key[0]
        self.step_times.labels(lane, key).observe(record.end - record.start)
        self.step_streams.labels(lane, key).observe(len(record.streams))
        if record.need in ("promised", "awaited") and isfinite(record.slack_s):
            self.slack.labels(lane).observe(record.slack_s)
        if record.missed:
            self.misses.labels(lane, key).inc()
        if record.failure is not None:
            self.failed_steps.labels(lane, key, record.failure).inc()

    def observe_tool(self, use: ToolUse) -> None:
        """Count a finished tool call and its time."""
        self.tool_calls.labels(use.name, use.outcome).inc()
        if use.seconds is not None:
            self.tool_times.labels(use.name).observe(use.seconds)

    def render(self) -> tuple[bytes, str]:
        """Return the body and the content type of an answer to `GET /metrics`."""
        return generate_latest(self.registry), CONTENT_TYPE_LATEST
