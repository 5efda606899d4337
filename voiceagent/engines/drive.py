"""Running an engine without a scheduler: for commands that do one thing, and for tests."""

import time

from voiceagent.engines.contract import Engine


def drive(engine: Engine) -> None:
    """Run all pending steps, one after the other, on the calling thread."""
    while (batch := engine.pending(time.monotonic())) is not None:
        try:
            results = engine.run(batch)
        except Exception as error:  # the stream's owner decides what a failed step means
            engine.fail(batch, error)
        else:
            engine.deliver(batch, results)
