"""A container engine that runs nothing: it writes down how it is called, and remembers which containers there are.

`install` makes a program of this file, which keeps its memory in a file beside it.
"""

import json
import sys

BE_IT = """
status, said = main(f"{sys.argv[0]}.json", sys.argv[1:])
print(said, file=sys.stdout if status == 0 or sys.argv[1] == "exec" else sys.stderr)
sys.exit(status)
"""
READY = {"ready": True, "engines": {"asr": True, "llm": True, "tts": True}, "troubles": {}}


class FakeEngine:
    """What a test sees of it."""

    def __init__(self, memory):
        self.memory = memory

    def _read(self):
        return json.loads(self.memory.read_text())

    def put(self, **what):
        """Change what it remembers: `containers`, `images`, `health`, `log`, `down`, `fails`."""
        self.memory.write_text(json.dumps({**self._read(), **what}))

    @property
    def calls(self):
        """Its calls that change something, in order."""
        asking = ("--version", "info", "image", "container", "logs")
        return [call for call in self._read()["calls"] if call[0] not in asking and call[-1] != "container-health"]

    @property
    def all_calls(self):
        return self._read()["calls"]

    @property
    def containers(self):
        return {name: about["state"] for name, about in self._read()["containers"].items()}

    def run_of(self, name="voiceagent"):
        """Return the arguments that a container was last run with."""
        return next(call for call in reversed(self._read()["calls"]) if call[0] == "run" and f"--name={name}" in call)


def install(folder, name="docker", version="Docker version 28.0.1"):
    """Put the program into a folder; return what a test sees of it."""
    from pathlib import Path

    program = folder / name
    program.write_text(f"#!{sys.executable} -IS\n{Path(__file__).read_text()}\n{BE_IT}")
    program.chmod(0o755)
    engine = FakeEngine(folder / f"{name}.json")
    images = ["voiceagent:cpu", "voiceagent:cuda"]
    start = {
        "calls": [],
        "containers": {},
        "images": images,
        "health": READY,
        "version": version,
        "log": "",
        "down": False,
    }
    engine.memory.write_text(json.dumps({"calls": [], "containers": {}, **start}))
    return engine


def main(memory, arguments):
    """Be the engine; return exit status and words."""
    with open(memory) as file:  # noqa: PTH123  # pathlib takes longer to import than all the rest
        state = json.load(file)
    state["calls"].append(arguments)
    status, said = answer(arguments, state)
    with open(memory, "w") as file:  # noqa: PTH123
        json.dump(state, file)
    return status, said


def answer(arguments, state):
    """Do what the engine is asked for; return exit status and words."""
    command, name, containers = arguments[0], arguments[-1], state["containers"]
    if command in state.get("fails", []):
        return 125, f"{command}: no space left on device"
    if command == "--version":
        return 0, state["version"]
    if command == "info":
        return (1, "Cannot connect to the daemon") if state["down"] else (0, "fine")
    if command == "image":
        return (0, "sha256:1") if name in state["images"] else (1, "no such image")
    if command == "run":
        named = next(word.partition("=")[2] for word in arguments if word.startswith("--name="))
        labels = dict(word.partition("=")[2].split("=", 1) for word in arguments if word.startswith("--label="))
        if "--detach" in arguments:
            containers[named] = {"state": "running", "labels": labels}
        return 0, "1a2b3c"
    if command == "build":
        return 0, "built"
    if command == "exec" and name == "container-health":
        return health(state) if arguments[1] in containers else (1, "no such container")
    if command == "exec":
        return int(arguments[-2] not in containers), ""
    if name not in containers:
        return 1, f"no such container: {name}"
    if command == "container":
        status, labels = containers[name]["state"], containers[name]["labels"]
        return 0, status if "State" in arguments[3] else labels.get(arguments[3].split('"')[1], "")
    if command == "logs":
        return 0, state["log"]
    containers[name]["state"] = {"stop": "exited", "restart": "running"}.get(command, "")
    if command == "rm":
        del containers[name]
    return 0, name


def health(state):
    """Answer as `container-health` does."""
    if state["health"] is None:
        return 1, ""
    ready = state["health"]["ready"]
    return int(not ready), f"{200 if ready else 503} {json.dumps(state['health'])}"
