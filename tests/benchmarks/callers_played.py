"""Small programs that call in place of WebRTC clients."""

import sys

from benchmarks import crowding

POLITE = """
import json, sys, time
say = lambda **line: print(json.dumps(line), flush=True)
if sys.argv[1] == "2":
    say(greeting="refused", code="server_busy", retry_after_s=10)
    sys.exit()
say(greeting="connected")
sys.stdin.readline()
question = {"v2v_ms": 512.0, "stalls_ms": [25.0, 3.0], "outcome": "completed", "sent_at": time.monotonic()}
if "--endless" in sys.argv:
    sys.stdin.read()
say(question=question)
say(error="Waited in vain.")
say(cpu_percent=7.5, stray_words=0)
"""
"""The third is refused; the others ask one question, and wait to be told to leave if they are to be endless."""
STUBBORN = """
import json, sys, time
print(json.dumps({"greeting": "connected"}), flush=True)
sys.stdin.readline()
print(json.dumps({"question": {"v2v_ms": 1.0, "stalls_ms": [], "outcome": None}}), flush=True)
time.sleep(600)
"""
FAINT = """
import json, sys
print(json.dumps({"greeting": "connected"}), flush=True)
sys.exit(3)
"""


def play(monkeypatch, program):
    """Let `program` call; it is told its number, and all that a caller is told. Return the processes as they start."""
    start, started = crowding.subprocess.Popen, []

    def popen(arguments, **options):
        number = arguments[arguments.index("--number") + 1]
        started.append(start([sys.executable, "-c", program, number, *arguments], **options))
        return started[-1]

    monkeypatch.setattr(crowding.subprocess, "Popen", popen)
    return started
