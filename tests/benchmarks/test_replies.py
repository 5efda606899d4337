"""What a benchmark says of a call's replies."""

from benchmarks.hearing import differences, summarise
from benchmarks.replies import exchanges, most_sharing, show, summary

TEA = "The best way to make a cup of green tea is slow."


def test_replies_that_differ_in_marks_alone_are_the_same() -> None:
    found = summary([TEA, TEA.upper(), "Cats like fish."], [True, False, True])
    assert found["distinct_replies_percent"] == 66.67
    assert found["on_topic_percent"] == 66.67
    assert found["replies_sharing_a_run_max"] == 2


def test_a_run_counts_once_in_each_reply() -> None:
    assert most_sharing([f"{TEA} {TEA}", "Cats like fish."]) == 1
    assert most_sharing([TEA, f"Well, {TEA}", f"I think {TEA}"]) == 3
    assert most_sharing(["Too short."]) == 0


def test_only_answered_questions_are_exchanges() -> None:
    asked = [{"understood": "tea", "reply": TEA}, {"understood": "cats", "reply": ""}]
    assert exchanges(asked) == [("tea", TEA)]
    assert show([{"heard": "tea", "reply": TEA, "on_topic": False}]) == f"? tea\n      {TEA}"


def test_what_is_heard_in_a_call_is_compared_with_the_file() -> None:
    def heard(understood: str, errors: int, confidence: float) -> dict[str, object]:
        return {"text": "one two", "understood": understood, "errors": errors, "words": 2, "confidence": confidence}

    samples = {
        "file": [heard("one two", 0, 0.9), heard("one too", 1, 0.3)],
        "noisy": [heard("won", 2, 0.2), heard("one two", 0, 0.4)],
        "call": [heard("One two.", 0, 0.9), heard("one", 1, 0.3)],
    }
    found = summarise(samples, 0.5)
    assert (found["wer_percent_file"], found["wer_percent_call"], found["wer_difference_points"]) == (25.0, 25.0, 0.0)
    assert differences(samples) == [("one two", "one too", "one")]
    assert (found["right_asked_back_percent"], found["wrong_asked_back_percent"]) == (50.0, 100.0)
