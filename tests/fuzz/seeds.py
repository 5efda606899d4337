"""What fuzzing begins with: for each target a few inputs that are right, and the words that its format knows."""

import json
import struct

from voiceagent.audio.opus import OpusEncoder
from voiceagent.testing.sound import voice

SDP = """v=0
o=- 1 2 IN IP4 127.0.0.1
s=-
t=0 0
a=group:BUNDLE 0 1
m=audio 9 UDP/TLS/RTP/SAVPF 111 9 0
c=IN IP4 0.0.0.0
a=ice-ufrag:abcd
a=ice-pwd:abcdefghijklmnopqrstuvwx
a=fingerprint:sha-256 {fingerprint}
a=setup:actpass
a=mid:0
a=sendrecv
a=rtcp-mux
a=rtpmap:111 opus/48000/2
a=fmtp:111 minptime=10;useinbandfec=1
a=candidate:1 1 udp 2113937151 192.168.1.2 50000 typ host generation 0
m=application 9 UDP/DTLS/SCTP webrtc-datachannel
c=IN IP4 0.0.0.0
a=mid:1
a=sctp-port:5000
""".replace("\n", "\r\n").format(fingerprint=":".join(["AB"] * 32))


def _packets() -> bytes:
    encoder = OpusEncoder(16_000)
    out = b""
    sound = voice(0.2)
    for number in range(8):
        payload = encoder.encode(sound[number * 320 : (number + 1) * 320])[:255]
        out += bytes([len(payload)]) + struct.pack(">HH", number, number) + bytes([5]) + payload
    return out


def _gguf() -> bytes:
    def string(text: str) -> bytes:
        return struct.pack("<Q", len(text)) + text.encode()

    def number(key: str, value: int) -> bytes:
        return string(key) + struct.pack("<II", 4, value)

    names = ("block_count", "embedding_length", "attention.head_count", "attention.head_count_kv", "ssm.state_size")
    pairs = [string("general.architecture") + struct.pack("<I", 8) + string("llama")]
    pairs += [number(f"llama.{name}", 4) for name in names]
    pairs.append(string("tokenizer.ggml.tokens") + struct.pack("<IIQ", 9, 8, 2) + string("a") + string("b"))
    pairs.append(string("llama.feed_forward_length") + struct.pack("<IIQ", 9, 4, 4) + struct.pack("<4I", 1, 0, 1, 0))
    return b"GGUF" + struct.pack("<IQQ", 3, 0, len(pairs)) + b"".join(pairs)


def _wyoming(kind: str, data: dict[str, object], payload: bytes = b"") -> bytes:
    body = json.dumps(data).encode()
    head = {"type": kind, "data_length": len(body), "payload_length": len(payload)}
    return json.dumps(head).encode() + b"\n" + body + payload


def _lines(*messages: object) -> list[bytes]:
    return [json.dumps(message).encode() for message in messages]


TURN = {
    "time": "2026-01-01T00:00:00.000+00:00",
    "session": "ab12",
    "turn": 1,
    "generation": 1,
    "outcome": "completed",
    "speculation": "used",
    "voice_to_voice_ms": 604.0,
    "marks": {"speech_end": 1.0, "silence": 1.064, "first_packet": 1.604},
    "spans": [{"name": "silence", "start_ms": 0.0, "end_ms": 64.0}],
    "steps": [{"lane": "asr", "key": "asr.encode", "start": 1.0, "end": 1.1, "streams": 1, "need": "promised"}],
    "user_text": "hello",
}
CANDIDATE = "candidate:1 1 udp 2113937151 192.168.1.2 50000 typ host"
START = {"streamSid": "MZ1", "callSid": "CA1", "customParameters": {"voice": "leo"}}
FORMAT = {"encoding": "audio/x-mulaw", "sampleRate": 8000, "channels": 1}
SCHEMA = {"type": "object", "properties": {"n": {"type": ["integer", "null"]}, "m": {"anyOf": [{"$ref": "#/x"}]}}}

SEEDS: dict[str, list[bytes]] = {
    "sdp": [SDP.encode()],
    "candidates": _lines([{"candidate": CANDIDATE, "sdpMid": "0", "sdpMLineIndex": 0, "usernameFragment": "abcd"}]),
    "claim": _lines({"token": "a" * 32, "generation": 1, "segment": 0, "word": 2}, {"token": "a" * 32}),
    "rtp": [_packets()],
    "codecs": [b"\x00" + _packets()[6:80], b"\x01" + b"\x55" * 160, b"\x03" + bytes(160)],
    "page_message": _lines({"type": "text", "text": "hi"}, {"type": "ping", "t": 1.5}, {"type": "interrupt"}),
    "realtime": _lines(
        {"type": "session.update", "session": {"type": "realtime", "instructions": "x", "tools": [], "voice": "leo"}},
        {"type": "input_audio_buffer.append", "audio": "AAAA"},
        {"type": "conversation.item.create", "item": {"type": "message", "role": "user", "content": []}},
        {"type": "response.create", "response": {"conversation": "none", "input": []}, "event_id": "e"},
        {"type": "conversation.item.truncate", "item_id": "i", "content_index": 0, "audio_end_ms": 10},
    ),
    "rtvi": _lines(
        {"label": "rtvi-ai", "type": "client-ready", "id": "1", "data": {"version": "1.0.0", "about": {}}},
        {"label": "rtvi-ai", "type": "send-text", "id": "2", "data": {"content": "hi", "options": {}}},
    ),
    "twilio": _lines(
        {"event": "start", "streamSid": "MZ1", "start": {**START, "mediaFormat": FORMAT}},
        {"event": "media", "media": {"track": "inbound", "payload": "////", "timestamp": "5"}},
        {"event": "dtmf", "dtmf": {"digit": "1"}},
        {"event": "mark", "mark": {"name": "1"}},
    ),
    "wyoming": [
        _wyoming("describe", {}) + _wyoming("audio-chunk", {"rate": 16000, "width": 2, "channels": 1}, bytes(64)),
        _wyoming("transcript", {"text": "hi"}) + b'{"type": "ping"}\n',
    ],
    "audiosocket": [b"\x01\x00\x10" + bytes(16) + b"\x10\x00\x04" + bytes(4) + b"\x03\x00\x011" + b"\x00\x00\x00"],
    "chat": _lines(
        {"model": "m", "messages": [{"role": "user", "content": [{"type": "text", "text": "hi"}]}], "stop": ["x"]},
        {
            "model": "m",
            "messages": [
                {"role": "assistant", "tool_calls": [{"id": "c", "function": {"name": "f", "arguments": "{}"}}]},
                {"role": "tool", "tool_call_id": "c", "content": "r"},
            ],
            "tools": [{"type": "function", "function": {"name": "f", "parameters": {"type": "object"}}}],
        },
    ),
    "yaml": [b"extends: scripted.yaml\nserver: {port: 7861, hosts: [a.example]}\nllm:\n  max_tokens: 80\n", b"&a [*a]"],
    "gguf": [_gguf()],
    "model_output": [
        b'Hello! <tool_call>{"name": "f", "arguments": {"a": 1}}</tool_call> <think>no</think> It is **9:30**.',
        b"```json\n{}\n```\n<|im_end|><|channel|>analysis<|message|>x<TOOLCALL>[f(a=1)]</TOOLCALL>",
    ],
    "tool_arguments": _lines({"schema": SCHEMA, "arguments": {"n": "3", "m": "{}", "o": "true"}}),
    "turns": [json.dumps(TURN).encode() + b"\n" + json.dumps(TURN).encode()],
}
WORDS = [b"a=", b"m=audio", b"\r\n", b"0", b"-1", b"99999999999999999999", b"1e999", b"null", b"true", b"[]", b"{}"]
WORDS += [b'"', b"\\ud800", b"\\u0000", b"\xff", b"\x00" * 8, b"\xff" * 8, "\u202e".encode()]
WORDS += [b"<tool_call>", b"</think>", b"&a ", b"*a"]
"""Put into inputs: what readers stumble over."""
