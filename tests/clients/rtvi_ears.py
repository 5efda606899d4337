"""A recogniser for `pipecat eval` that hears nothing: what is recorded is listened to later."""

from pipecat.services.stt_service import SegmentedSTTService


class Deaf(SegmentedSTTService):
    async def run_stt(self, audio):
        for nothing in ():
            yield nothing


def deaf(config):
    return Deaf()
