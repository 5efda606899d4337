"""voiceagent: a spoken-conversation agent in one process."""

import os

__version__ = "0.1.0"

# onnxruntime reports to its maker from the moment it is imported, and keeps an identifier under ~/.cache. What is said
# to an agent on one's own machine is nobody's business; whoever wants the reports sets this to 0.
os.environ.setdefault("ORT_DISABLE_TELEMETRY", "1")
