"""Answers that have lately come too late let nobody else in."""

from voiceagent.scheduler.admission.punctuality import LOOK_BACK_S, NEARLY, Punctuality

PROMISE_S = 1.2


class Seen:
    """What was answered, on a clock that the test sets."""

    def __init__(self) -> None:
        self.now = 0.0
        self.punctuality = Punctuality(PROMISE_S, lambda: self.now)

    def answered(self, *waits_s: float) -> bool:
        for wait_s in waits_s:
            self.punctuality.answered(wait_s)
        return self.punctuality.is_late


def test_nobody_was_late_before_anybody_asked() -> None:
    assert not Seen().answered()


def test_one_late_answer_proves_nothing_and_two_do() -> None:
    seen = Seen()
    assert not seen.answered(0.5, 9.0, NEARLY * PROMISE_S)
    assert seen.answered(NEARLY * PROMISE_S + 0.01)


def test_one_in_ten_may_be_late() -> None:
    assert not Seen().answered(*[0.5] * 28, *[2.0] * 3)
    assert Seen().answered(*[0.5] * 28, *[2.0] * 4)


def test_a_house_that_nobody_else_comes_to_remembers_no_more_than_it_needs() -> None:
    seen = Seen()
    for _ in range(100):
        seen.punctuality.answered(0.5)
        seen.now += LOOK_BACK_S / 4
    assert len(seen.punctuality._answers) <= 5


def test_it_is_forgotten_after_a_while() -> None:
    seen = Seen()
    assert seen.answered(2.0, 2.0)
    seen.now = LOOK_BACK_S
    assert seen.answered(0.5)
    seen.now += 0.1
    assert not seen.answered()
