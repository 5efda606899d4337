"""The contract of engines, as checks that any engine can be tested with.

    from voiceagent.testing.engine_contract import check_engine

    def test_my_voice():
        check_engine(SPEC)              # builds, loads, checks and closes it; or give it an engine that is loaded

To see the checks one by one in pytest, with any fixture `engine` that gives a loaded engine:

    @pytest.mark.parametrize("check", contract("tts"), ids=lambda check: check.__name__)
    def test_contract(engine, check):
        check(engine)
"""

from voiceagent.testing.engine_contract.check import check_engine as check_engine
from voiceagent.testing.engine_contract.check import contract as contract
from voiceagent.testing.engine_contract.every_kind import Check as Check
