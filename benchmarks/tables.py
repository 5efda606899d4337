"""Writes the tables of docs/performance.md from the committed reports: `python -m benchmarks.tables`.

A table is between `<!-- table: NAME -->` and `<!-- end -->`; the hand-written text around it stays. It knows
which numbers of a report are shown and what they are called; a number that was not measured is a dash.
"""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks.form import REPOSITORY

PAGE = REPOSITORY / "docs" / "performance.md"
RESULTS = REPOSITORY / "benchmarks" / "results"
BLOCK = re.compile(r"(?<=<!-- table: )(\w+)( -->\n).*?(?=<!-- end -->)", re.DOTALL)


@dataclass(frozen=True, slots=True)
class Table:
    """What is shown of one report."""

    report: str
    """File in `benchmarks/results/`, without its ending."""
    rows: tuple[tuple[str, str, str], ...]
    """Words, key of the summary, unit."""

    def render(self, report: Mapping[str, Any]) -> str:
        """Return the table as Markdown, with the machine and the command below it."""
        lines = ["| | |", "| --- | ---: |"]
        lines += [f"| {words} | {number(report['summary'].get(key))}{unit} |" for words, key, unit in self.rows]
        machine = report["machine"]
        where = f"{machine['cpu']}, {machine['cores']} cores, {machine['memory_gib']} GiB"
        return "\n".join([*lines, "", f"`{report['command']}`, {where}, {report['started'][:10]}.", ""])


DIALOGUE = (
    ("questions asked", "reply_count", ""),
    ("replies that differ", "distinct_replies_percent", " %"),
    ("replies that share the commonest run of six words", "replies_sharing_a_run_max", ""),
    ("replies about the question as it was heard", "on_topic_percent", " %"),
    ("last speech sample sent to first agent sample received, median", "v2v_ms_p50", " ms"),
)

INTERACTION = (
    ("last speech sample sent to first agent sample received, median", "answer_ms_p50", " ms"),
    ("the same, 90th percentile", "answer_ms_p90", " ms"),
    ("requests made", "answer_count", ""),
    ("interruptions to which the agent yields", "yield_percent", " %"),
    ("speech onset to agent silent, 90th percentile", "yield_ms_p90", " ms"),
    ("interruptions made", "interruption_count", ""),
    ("requests with a pause into which the agent speaks", "interrupts_user_percent", " %"),
    ("requests with a pause", "paused_request_count", ""),
    ("signs of attention that are ignored", "ignores_backchannels_percent", " %"),
    ("of them", "backchannels_count", ""),
    ("coughs, laughs, cries, noises and music that are ignored", "ignores_tics_percent", " %"),
    ("of them", "tics_count", ""),
    ("talk to and of others that is ignored", "ignores_side_talk_percent", " %"),
    ("of it", "side_talk_count", ""),
    ("events, of which one is a request, a pause, an interruption or a sound", "event_count", ""),
    ("of these with a synthetic sound", "synthetic_count", ""),
)

THROUGH = {
    "webrtc": "the page, WebRTC",
    "rtvi_webrtc": "RTVI over WebRTC",
    "rtvi_websocket": "RTVI over a WebSocket",
    "realtime_webrtc": "OpenAI Realtime over WebRTC",
    "realtime_websocket": "OpenAI Realtime over a WebSocket",
    "twilio": "Twilio's Media Streams",
    "audiosocket": "Asterisk's AudioSocket",
}

ATTACKS = {
    "slow_headers": "two hundred connections that each send a byte a second",
    "connections": "as many new connections as there can be",
    "offers": "calls that never connect, twenty a second",
    "pings": "WebSocket pings without end",
    "fragments": "a message in empty fragments without end",
    "messages": "small messages without end",
    "megabytes": "messages of a megabyte",
    "chunks": "a body in chunks of one byte",
}

TABLES = {
    "abuse": Table(
        "abuse",
        (
            ("voice-to-voice of two callers without an attack, 95th percentile", "v2v_ms_p95_alone", " ms"),
            ("questions asked without an attack", "question_count_alone", ""),
            *(
                row
                for kind, words in ATTACKS.items()
                for row in (
                    (f"{words}: 95th percentile to that without", f"v2v_p95_ratio_{kind}", ""),
                    ("questions asked meanwhile", f"question_count_{kind}", ""),
                    ("growth of the server's memory meanwhile", f"rss_growth_mib_{kind}", " MiB"),
                )
            ),
        ),
    ),
    "image": Table(
        "image",
        (
            ("building the `cpu` target", "build_s", " s"),
            ("the image", "image_mb", " MB"),
            ("of this voiceagent and its Python packages", "layer_0_mb", " MB"),
            ("of this Python and certificates", "layer_1_mb", " MB"),
            ("of this Debian", "layer_2_mb", " MB"),
            ("from `podman run` to /ready, the models being there", "ready_s", " s"),
            ("from SIGTERM in a call to its end", "stop_s", " s"),
        ),
    ),
    "split": Table(
        "split",
        (
            (
                "one process: last speech sample sent to first agent sample received, median",
                "v2v_ms_p50_one_process",
                " ms",
            ),
            ("the same, 90th percentile", "v2v_ms_p90_one_process", " ms"),
            ("recogniser and voice in another process, median", "v2v_ms_p50_split", " ms"),
            ("the same, 90th percentile", "v2v_ms_p90_split", " ms"),
            ("what the split adds to the answer to the same question, median", "added_ms_p50", " ms"),
            ("questions asked of each", "question_count_split", ""),
            ("of these understood otherwise", "understood_differently_count", ""),
        ),
    ),
    "doors": Table(
        "doors",
        (
            *(
                row
                for door, words in THROUGH.items()
                for row in (
                    (f"{words}, median", f"v2v_ms_p50_{door}", " ms"),
                    ("the same, 90th percentile", f"v2v_ms_p90_{door}", " ms"),
                )
            ),
            ("questions asked at each", "question_count_webrtc", ""),
        ),
    ),
    "mixed": Table(
        "mixed",
        (
            ("voice-to-voice of the WebRTC caller alone, median", "v2v_ms_p50_alone", " ms"),
            ("the same, 95th percentile", "v2v_ms_p95_alone", " ms"),
            ("beside the others, median", "v2v_ms_p50_mixed", " ms"),
            ("the same, 95th percentile", "v2v_ms_p95_mixed", " ms"),
            ("95th percentile beside the others to that alone", "v2v_p95_ratio_mixed", ""),
            ("questions asked beside the others", "question_count_mixed", ""),
            ("silences in mid-response beside the others", "mid_response_silences", ""),
            ("voice-to-voice of the Realtime conversation, median", "realtime_v2v_ms_p50", " ms"),
            ("words of the upload transcribed meanwhile, at least", "transcribed_words", ""),
        ),
    ),
    "dialogue_one": Table("dialogue_one", DIALOGUE),
    "dialogue_two": Table("dialogue_two", DIALOGUE),
    "end_of_turn": Table(
        "end_of_turn",
        (
            ("pauses cut off within 300 ms of dead air, voiceagent", "cutoffs_300_percent", " %"),
            ("95 % confidence interval from", "cutoffs_300_percent_low", " %"),
            ("to", "cutoffs_300_percent_high", " %"),
            ("the same without the language model", "cutoffs_300_without_words_percent", " %"),
            ("the same, told when a dictation is over", "cutoffs_300_told_percent", " %"),
            ("Smart Turn alone", "cutoffs_300_smart_turn_percent", " %"),
            ("95 % confidence interval from", "cutoffs_300_smart_turn_percent_low", " %"),
            ("to", "cutoffs_300_smart_turn_percent_high", " %"),
            ("silence alone", "cutoffs_300_silence_percent", " %"),
            ("within 600 ms, voiceagent", "cutoffs_600_percent", " %"),
            ("Smart Turn alone", "cutoffs_600_smart_turn_percent", " %"),
            ("silence alone", "cutoffs_600_silence_percent", " %"),
            ("dead air where 5 % of pauses are cut off, voiceagent", "dead_air_5_ms", " ms"),
            ("Smart Turn alone", "dead_air_5_smart_turn_ms", " ms"),
            ("silence alone", "dead_air_5_silence_ms", " ms"),
            ("whole sentences alone, pauses cut off within 300 ms, voiceagent", "sentences_cutoffs_300_percent", " %"),
            ("Smart Turn alone", "sentences_cutoffs_300_smart_turn_percent", " %"),
            ("dead air where 5 % of pauses are cut off, voiceagent", "sentences_dead_air_5_ms", " ms"),
            ("Smart Turn alone", "sentences_dead_air_5_smart_turn_ms", " ms"),
            ("area under the best cut-off rates from 0.2 to 1.2 s, voiceagent", "area_percent", " %"),
            ("Smart Turn alone", "area_smart_turn_percent", " %"),
            ("silence alone", "area_silence_percent", " %"),
            ("by the settings as they ship: pauses cut off", "shipped_cutoffs_percent", " %"),
            ("dead air, mean", "shipped_dead_air_ms", " ms"),
            ("median", "shipped_dead_air_ms_p50", " ms"),
            ("with `turn.cut_off_cost_s: 0.5`, pauses cut off", "hasty_cutoffs_percent", " %"),
            ("dead air, mean", "hasty_dead_air_ms", " ms"),
            ("median", "hasty_dead_air_ms_p50", " ms"),
            ("with `turn.cut_off_cost_s: 3`, pauses cut off", "patient_cutoffs_percent", " %"),
            ("dead air, mean", "patient_dead_air_ms", " ms"),
            ("median", "patient_dead_air_ms_p50", " ms"),
            ("turns", "turn_count", ""),
            ("pauses in them", "pause_count", ""),
            ("processor time for each 100 ms of silence waited", "cost_ms_per_100_ms", " ms"),
        ),
    ),
    "hearing": Table(
        "hearing",
        (
            ("word error rate from the file", "wer_percent_file", " %"),
            ("in a call", "wer_percent_call", " %"),
            ("clips of 64 that were not heard alike", "different_count", ""),
            ("in noise at 3 dB", "wer_percent_noisy", " %"),
            ("transcripts that are right and would be asked back", "right_asked_back_percent", " %"),
            ("transcripts that are wrong and would be", "wrong_asked_back_percent", " %"),
        ),
    ),
    "interaction": Table("interaction", INTERACTION),
    "interaction_rehearsed": Table("interaction_rehearsed", INTERACTION),
    "voice_to_voice": Table(
        "voice_to_voice",
        (
            ("last speech sample sent to first agent sample received, median", "v2v_ms_p50", " ms"),
            ("the same, 90th percentile", "v2v_ms_p90", " ms"),
            ("questions asked", "question_count", ""),
            ("turns with a pause into which the agent answers", "false_cutoff_percent", " %"),
            ("turns with a pause", "paused_turn_count", ""),
            ("speech onset to agent silent, 90th percentile", "barge_in_ms_p90", " ms"),
            ("coughs after which the answer went on", "cough_resumed_percent", " %"),
            ("longest gap inside an answer", "gap_ms_max", " ms"),
            ("word error rate", "wer_percent", " %"),
            ("word error rate at 5 % packet loss", "wer_percent_loss5", " %"),
            ("lag that loss adds, at most", "lag_ms_max_loss5", " ms"),
        ),
    ),
    "asr_streaming": Table(
        "asr_streaming",
        (
            ("one caller's step, float32, median", "step_ms_b1", " ms"),
            ("the same in NeMo's pipeline", "nemo_step_ms_b1", " ms"),
            ("one caller's step, bfloat16, median", "step_bf16_ms_b1", " ms"),
            ("one caller's step, int8, median", "step_int8_ms_b1", " ms"),
            ("four callers' step, float32, median", "step_ms_b4", " ms"),
            ("the same in NeMo's pipeline", "nemo_step_ms_b4", " ms"),
            ("four callers' step, bfloat16, median", "step_bf16_ms_b4", " ms"),
            ("four callers' step, int8, median", "step_int8_ms_b4", " ms"),
            ("what comes out of the encoder is off by, bfloat16", "bf16_error_percent", " %"),
            ("the same, int8", "int8_error_percent", " %"),
            ("final transcript after the last word", "finalise_ms_b1", " ms"),
        ),
    ),
    "magpie_decode": Table(
        "magpie_decode",
        (
            ("a frame, one caller, float32", "frame_ms_b1", " ms"),
            ("a frame, four callers, float32", "frame_ms_b4", " ms"),
            ("a frame, sixteen callers, float32", "frame_ms_b16", " ms"),
            ("a frame in NeMo's `generate_speech`", "nemo_frame_ms_b1", " ms"),
            ("decoding 5 s of speech, times as fast as NeMo, float32", "speed_vs_nemo_5s_float32", ""),
            ("first audio, float32", "first_audio_ms_float32", " ms"),
            ("seconds of speech in a second, one caller, codec included, float32", "realtime_factor_b1_float32", ""),
            ("decoding 5 s of speech, times as fast as NeMo, bfloat16", "speed_vs_nemo_5s_bf16", ""),
            ("first audio, bfloat16", "first_audio_ms_bf16", " ms"),
            ("seconds of speech in a second, one caller, codec included, bfloat16", "realtime_factor_b1_bf16", ""),
            ("decoding 5 s of speech, times as fast as NeMo, int8", "speed_vs_nemo_5s_int8", ""),
            ("first audio, int8", "first_audio_ms_int8", " ms"),
            ("seconds of speech in a second, one caller, codec included, int8", "realtime_factor_b1_int8", ""),
        ),
    ),
    "llm_sequences": Table(
        "llm_sequences",
        (
            ("four callers at once, times as fast as one after the other", "total_speed_vs_sequential_4", ""),
            ("one caller's tokens a second", "decode_tokens_per_s_1", ""),
            ("first token of a second turn after 1,500 tokens", "first_token_ms", " ms"),
            ("first segment of that turn", "first_segment_ms", " ms"),
            ("the same, all of it read again", "first_segment_ms_read_anew", " ms"),
        ),
    ),
    "sessions": Table(
        "sessions",
        (
            ("voice-to-voice of one caller, median", "v2v_ms_p50_1", " ms"),
            ("the same, 95th percentile", "v2v_ms_p95_1", " ms"),
            ("of two callers at once, median", "v2v_ms_p50_2", " ms"),
            ("the same, 95th percentile", "v2v_ms_p95_2", " ms"),
            ("two callers' 95th percentile to one's", "v2v_p95_ratio_2_vs_1", ""),
            ("of three callers at once, 95th percentile", "v2v_ms_p95_3", " ms"),
            ("callers let in, of those who came", "callers_admitted", ""),
            ("silences in mid-response, one and two callers", "mid_response_silences", ""),
            ("how late the event loop ran, 99th percentile", "loop_lag_ms_p99", " ms"),
            ("a core's share that a caller's session takes, two callers", "cpu_percent_per_session_2", " %"),
        ),
    ),
    "sessions_limit": Table(
        "sessions_limit",
        (
            ("callers let in before one was refused", "limit_callers", ""),
            ("the capacity that the server stated by then", "limit_carried", ""),
            ("voice-to-voice of those present, median", "limit_v2v_ms_p50", " ms"),
            ("the same, 95th percentile", "limit_v2v_ms_p95", " ms"),
            ("questions asked in two minutes", "limit_question_count", ""),
            ("of these without an answer", "limit_no_answer_count", ""),
            ("silences in mid-response", "limit_mid_response_silences", ""),
            ("how late the event loop ran, 99th percentile", "limit_loop_lag_ms_p99", " ms"),
            ("a core's share that the server took", "limit_server_cpu_percent", " %"),
            ("that the callers took", "limit_callers_cpu_percent", " %"),
        ),
    ),
    "schedule": Table(
        "schedule",
        (
            ("capacity on DGX Spark's table, callers", "callers_ours_spark", ""),
            ("with first-in-first-out", "callers_fifo_spark", ""),
            ("capacity on RTX 5090's table, callers", "callers_ours_rtx5090", ""),
            ("with first-in-first-out", "callers_fifo_rtx5090", ""),
            ("voice-to-voice of one caller on RTX 5090's table, median", "v2v_ms_p50_rtx5090_1", " ms"),
            ("capacity on H200's table, callers", "callers_ours_h200", ""),
            ("with first-in-first-out", "callers_fifo_h200", ""),
        ),
    ),
}


def number(value: float | None) -> str:
    """Return a number as it is written in a table: as it was measured, thousands set apart."""
    return "–" if value is None else f"{value:,}"


def rewrite(page: str, reports: Path = RESULTS) -> str:
    """Return the page with every table regenerated. Raises KeyError for a table that is not known."""

    def block(found: re.Match[str]) -> str:
        table = TABLES[found[1]]
        report = json.loads((reports / f"{table.report}.json").read_text(encoding="utf-8"))
        return f"{found[1]}{found[2]}{table.render(report)}"

    return BLOCK.sub(block, page)


def main() -> None:
    """Rewrite the tables of the page."""
    PAGE.write_text(rewrite(PAGE.read_text(encoding="utf-8")), encoding="utf-8")


if __name__ == "__main__":
    main()
