"""The engines of the CPU default, as a whole: what they need, and what they must not."""

import subprocess
import sys

import pytest

pytestmark = pytest.mark.models

SCRIPT = """
import sys

class Watch:
    "Sees every import that is tried, found or not."
    asked = set()
    def find_spec(self, name, path=None, target=None):
        if "." not in name:
            self.asked.add(name)

sys.meta_path.insert(0, Watch())
import voiceagent.app.agent
from voiceagent.app.engines import build_engines, lanes_of
from voiceagent.app.settings import load_settings
import voiceagent.doors.app

for engine in lanes_of(build_engines(load_settings("cpu.yaml").settings, ())).values():
    engine.load()
print(*sorted(Watch.asked & {"torch", "nemo", "torchaudio", "onnxruntime"}))
"""


def test_they_all_load_without_ever_asking_for_torch() -> None:
    process = subprocess.run([sys.executable, "-c", SCRIPT], capture_output=True, text=True, check=True)
    assert process.stdout.split() == ["onnxruntime"]
