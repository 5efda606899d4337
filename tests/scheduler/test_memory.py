"""The sums of a memory plan."""

from voiceagent.scheduler.memory import GIB, MIB, Free, MemoryUse, Place, Plan, show

EAR = MemoryUse(
    engine="asr", model="ear", place=Place.GPU, weights=GIB, caches=40 * MIB, workspace=GIB, per_session=10 * MIB
)
EAR_AT_HOME = MemoryUse(engine="asr", model="ear", workspace=GIB, loading=2 * GIB)
BRAIN = MemoryUse(engine="llm", model="brain", place=Place.GPU, weights=20 * GIB)


def plan(free: Free) -> Plan:
    return Plan((EAR, EAR_AT_HOME, BRAIN), free)


def test_each_memory_has_to_hold_what_is_needed_of_it() -> None:
    main, gpu = plan(Free(4 * GIB, 23 * GIB)).accounts
    assert (main.needed, gpu.needed) == (3 * GIB, 22 * GIB + 40 * MIB)
    assert plan(Free(4 * GIB, 23 * GIB)).fits
    assert not plan(Free(4 * GIB, 22 * GIB)).fits
    assert not plan(Free(2 * GIB, 23 * GIB)).fits, "what loading takes in passing counts"


def test_exactly_enough_is_enough() -> None:
    assert plan(Free(3 * GIB, 22 * GIB + 40 * MIB)).fits


def test_a_gpu_that_shares_main_memory_takes_its_part_of_it() -> None:
    (account,) = plan(Free(26 * GIB, shared=True)).accounts
    assert account.needed == 25 * GIB + 40 * MIB
    assert plan(Free(26 * GIB, shared=True)).fits
    assert not plan(Free(25 * GIB, shared=True)).fits


def test_what_is_not_known_refuses_nothing() -> None:
    assert plan(Free(None)).fits
    assert "free memory unknown" in plan(Free(None)).table()


def test_a_memory_that_nothing_is_needed_of_is_not_told() -> None:
    assert [account.name for account in Plan((EAR_AT_HOME,), Free(GIB, GIB)).accounts] == ["main memory"]


def test_the_table_has_a_line_for_each_engine_and_place_and_memory() -> None:
    table = Plan((EAR, EAR_AT_HOME, BRAIN), Free(4 * GIB, 22 * GIB), ("tts: not reckoned",)).table().splitlines()
    assert [line.split()[0] for line in table] == ["ENGINE", "asr", "asr", "llm", "main", "GPU", "tts:"]
    assert " ".join(table[1].split()) == "asr ear GPU memory 1.0 GiB 40 MiB 1.0 GiB - 2.0 GiB 10 MiB"
    assert table[5] == "GPU memory: 22.0 GiB needed, 22.0 GiB free"


def test_bytes_are_shown_in_what_people_can_read() -> None:
    assert [show(size) for size in (0, 1, 90 * MIB, 3 * GIB // 2)] == ["-", "1 MiB", "90 MiB", "1.5 GiB"]
