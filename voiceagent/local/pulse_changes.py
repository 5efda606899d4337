"""What the sound server tells while it runs."""

import asyncio
import shutil
from collections.abc import AsyncGenerator

from voiceagent.local.pulse import environment

TOLD = (b"on source #", b"on sink #", b"on server")
"""Parts of the lines of `pactl subscribe` that tell of devices, and of which one is the default."""


async def changes() -> AsyncGenerator[None]:
    """Yield whenever a device may have come, gone or become the default; ends with the sound server."""
    if (pactl := shutil.which("pactl")) is None:
        return
    process = await asyncio.create_subprocess_exec(
        pactl, "subscribe", stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.DEVNULL, env=environment()
    )
    try:
        assert process.stdout is not None
        async for line in process.stdout:
            if any(word in line for word in TOLD):
                yield
    finally:
        if process.returncode is None:
            process.terminate()
        await process.wait()
