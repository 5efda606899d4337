"""Test your own agent: whole conversations in virtual time, without models, sound or waiting.

    from voiceagent.testing import Conversation, run_virtual

    async def main():
        async with Conversation("scripted.yaml", tools=[weather]) as talk:
            await talk.says("what is the weather in Rome?")
            assert "Sunny" in talk.heard

    run_virtual(main())

Sessions, scheduler, policy, playout and tools are the real ones. Time is not: thirty minutes of talk take seconds, and
run the same way every time. Models that compute take real time, so a configuration's models are replaced by
scripted engines; its prompt, its rules and its tools stay. Try the real models with `voiceagent serve`.
Conversations as data, checked by rules: `voiceagent.evals`.
`voiceagent.testing.engine_contract` checks an engine against the contract of its kind.
"""

from voiceagent.scheduler.virtual import run_virtual as run_virtual
from voiceagent.testing.caller import Caller as Caller
from voiceagent.testing.caller import Reported as Reported
from voiceagent.testing.callers import Callers as Callers
from voiceagent.testing.conversation import Conversation as Conversation
from voiceagent.testing.ear import Sound as Sound
from voiceagent.testing.replies import tool_call as tool_call
from voiceagent.testing.scripts import Scripts as Scripts
from voiceagent.testing.scripts import scripted_engines as scripted_engines
