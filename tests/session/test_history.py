"""What the language model is told of the conversation."""

from voiceagent.engines.llm.contract import Message, ToolCall, ToolSpec
from voiceagent.session.history import AS_DATA, MOST_LOST, History


def words(messages):
    return sum(len(message.content.split()) for message in messages)


def history(budget=100, turns=10):
    return History("be nice", budget, turns, words)


def talk(kept, count):
    for number in range(count):
        kept.add_user(f"question {number}")
        kept.add_agent([Message("assistant", f"answer {number}")])
        kept.trim()


def test_the_system_prompt_comes_first_and_stays():
    kept = history(budget=12)
    talk(kept, 50)
    assert kept.messages[0] == Message("system", "be nice")


def test_nothing_is_dropped_while_there_is_room():
    kept = history()
    talk(kept, 3)
    assert [message.content for message in kept.messages[1:]] == [
        text for number in range(3) for text in (f"question {number}", f"answer {number}")
    ]


def test_the_oldest_turns_go_first_and_whole():
    kept = history(budget=20)
    talk(kept, 6)
    assert words(kept.messages) <= 20
    assert kept.messages[1].role == "user"
    assert kept.messages[-1].content == "answer 5"


def test_trimming_makes_room_for_several_turns():
    kept = history(budget=39)
    talk(kept, 9)
    assert kept.trim() is False
    kept.add_user("question 9")
    assert kept.trim() is True
    assert words(kept.messages) <= 19


def test_the_number_of_turns_is_bounded_too():
    kept = history(budget=10_000, turns=4)
    talk(kept, 20)
    assert sum(message.role == "user" for message in kept.messages) <= 4


def test_the_newest_turn_is_kept_however_long_it_is():
    kept = history(budget=5)
    kept.add_user("far more words than the budget has room for")
    kept.trim()
    assert kept.messages[-1].role == "user"


def test_words_after_an_unheard_reply_go_on_with_the_same_message():
    kept = history()
    kept.add_user("what is")
    kept.add_agent([])
    kept.add_user("the time")
    assert kept.messages[1:] == (Message("user", "what is the time"),)
    assert kept.with_user("in Rome")[-1] == Message("user", "what is the time in Rome")
    assert kept.messages[-1] == Message("user", "what is the time")


def test_no_turns_at_all_may_be_kept():
    kept = history(turns=0)
    talk(kept, 3)
    assert len(kept.messages) <= 3


def exchange(result, number=1):
    call = ToolCall(f"call {number}", "look_up", "{}")
    return [
        Message("assistant", "", calls=(call,)),
        Message("tool", result, call_id=call.id),
        Message("assistant", "so"),
    ]


def test_the_tools_stand_in_the_system_prompt():
    spec = ToolSpec("look_up", "Look up.", "{}")
    (first,) = History("be nice", 100, 10, words, (spec,)).messages
    assert first == Message("system", f"be nice\n\n{AS_DATA}", tools=(spec,))


def test_what_tools_return_is_said_to_be_data_where_there_are_tools_and_only_there():
    """Somebody's web page may say "ignore your instructions"."""
    kept = history()
    assert AS_DATA not in kept.messages[0].content
    kept.configure("be nice", 100, 10, (ToolSpec("look_up", "Look up.", "{}"),))
    kept.summarise("They spoke.")
    assert kept.messages[0].content.count(AS_DATA) == 1
    kept.configure("be nice", 100, 10, ())
    assert AS_DATA not in kept.messages[0].content


def test_a_late_result_takes_the_place_of_the_first_one():
    kept = history()
    kept.add_user("what is the time")
    kept.add_agent(exchange("not yet"))
    kept.answer("call 1", "noon")
    kept.answer("call of a forgotten turn", "midnight")
    assert [message.content for message in kept.messages if message.role == "tool"] == ["noon"]


def test_calls_and_results_go_with_their_turn():
    kept = history(budget=30)
    for number in range(10):
        kept.add_user(f"question {number}")
        kept.add_agent(exchange("about four words long", number))
        kept.trim()
        calls = [call.id for message in kept.messages for call in message.calls]
        assert calls == [message.call_id for message in kept.messages if message.role == "tool"]
    assert 0 < len(calls) < 10


def test_a_result_too_long_for_the_budget_is_forgotten_but_not_what_was_said():
    kept = history(budget=20)
    kept.add_user("what is the time")
    kept.add_agent([Message("assistant", "let me see"), *exchange("tick " * 100)])
    kept.trim()
    assert kept.messages[1:] == (Message("user", "what is the time"), Message("assistant", "let me see so"))


def test_words_go_on_with_a_message_that_then_calls():
    kept = history()
    kept.add_agent([Message("assistant", "hello"), *exchange("noon")])
    assert [message.content for message in kept.messages[1:]] == ["hello", "noon", "so"]
    assert kept.messages[1].calls


def test_what_was_heard_of_the_agent_can_be_corrected_whatever_was_said_since():
    def agent(text):
        return Message("assistant", text)

    kept = history()
    kept.add_user("hello")
    kept.add_agent([agent("One two three.")], "answer")
    kept.add_user("and then?")
    assert kept.fill("answer", [agent("One two")])
    assert kept.messages[2:] == (agent("One two"), Message("user", "and then?"))
    assert kept.fill("answer", [])
    assert kept.messages[1:] == (Message("user", "hello and then?"),), "the user goes on where nothing was heard"
    assert kept.fill("answer", [agent("One")])
    assert kept.messages[2] == agent("One")
    talk(kept, 40)
    assert not kept.fill("answer", [agent("One two")]), "it has fallen out of the conversation"


def test_another_prompt_and_other_tools_leave_what_was_said_as_it_was():
    kept = history()
    talk(kept, 3)
    said = kept.messages[1:]
    weather = ToolSpec("weather", "Look it up.", "{}")
    kept.configure("be rude", 100, 10, (weather,))
    assert kept.messages == (Message("system", f"be rude\n\n{AS_DATA}", tools=(weather,)), *said)
    kept.configure("be rude", 100, 2, ())
    assert kept.trim()
    assert len(kept.messages) == 1 + 2


def system(kept):
    return kept.messages[0].content


def said(kept):
    return [message.content for message in kept.messages[1:] if message.role == "user"]


def test_a_summary_takes_the_place_of_what_is_dropped_and_not_before():
    kept = history(turns=4)
    talk(kept, 4)
    kept.summarise("They spoke.")
    assert system(kept) == "be nice"
    talk(kept, 1)
    assert system(kept) == "be nice\n\nEarlier in this conversation: They spoke."
    assert said(kept) == ["question 3", "question 0"]


def test_a_summary_is_due_once_there_is_as_much_as_will_be_dropped():
    kept = history(turns=4)
    due = []
    for number in range(8):
        talk(kept, 1)
        due.append(kept.summary_due)
        if kept.summary_due and number > 3:
            kept.summarise("They spoke.")
            assert not kept.summary_due
    assert due == [False, False, True, True, False, True, False, False]


def test_what_is_in_no_summary_stays_while_there_is_room():
    kept = history(turns=4, budget=100)
    talk(kept, 1)
    kept.summarise("One question.")
    talk(kept, 4)
    assert said(kept) == [f"question {number}" for number in range(4)], "half of them would have gone"
    kept = history(turns=4, budget=100)
    talk(kept, 1)
    kept.summarise("One question.")
    talk(kept, 3)
    kept.add_user("word " * 92)
    kept.trim()
    assert len(said(kept)) == 1, "there is no room for it"


def test_a_summary_that_would_fill_the_prompt_is_forgotten():
    kept = history(turns=2, budget=40)
    talk(kept, 2)
    kept.summarise("word " * 20)
    talk(kept, 1)
    assert system(kept) == "be nice"
    assert words(kept.messages) <= 40


def test_dropped_turns_that_are_in_no_summary_are_asked_about_as_far_as_there_is_room():
    kept = history(turns=2)
    talk(kept, 6)
    *_, asked = kept.with_question("Well?", 100)
    assert asked.content.startswith("(Before all that, this was said:)\nUser: question 0\nYou: answer 0\n")
    assert asked.content.endswith("\nWell?")
    *rest, asked = kept.with_question("Well?", words(kept.messages) + 20)
    assert "question 0" not in asked.content
    assert "answer" in asked.content
    assert words((*rest, asked)) <= words(kept.messages) + 20
    assert kept.with_question("Well?", words(kept.messages) + 1)[-1] == Message("user", "Well?")
    assert kept.with_question("Well?", words(kept.messages)) is None
    kept.summarise("They spoke.")
    assert kept.with_question("Well?", 100)[-1] == Message("user", "Well?")


def test_what_a_summary_holds_is_not_asked_about_again():
    kept = history(turns=4)
    talk(kept, 4)
    kept.summarise("They spoke.")
    talk(kept, 1)
    assert len(said(kept)) == 2
    assert kept.with_question("Well?", 100)[-1] == Message("user", "Well?")


def test_of_dropped_turns_what_was_said_is_asked_about_the_latest_of_it():
    kept = history(turns=2, budget=10_000)
    kept.add_user("what is the time")
    kept.add_agent(exchange("noon"))
    talk(kept, 2)
    assert kept.with_question("Well?", 100)[-1].content.splitlines()[1:3] == ["User: what is the time", "You: so"]
    talk(kept, 500)
    lines = kept.with_question("Well?", 10_000)[-1].content.splitlines()
    assert len(lines) == 1 + MOST_LOST + 1


def test_facts_stand_in_the_system_message_and_count():
    kept = history(budget=40, turns=100)
    kept.facts = ("The user is Anna.", "She likes tea.")
    most = 0
    for _ in range(30):
        talk(kept, 1)
        most = max(most, len(said(kept)))
    assert system(kept) == "be nice\n\nKeep in mind:\n- The user is Anna.\n- She likes tea."
    assert most == (40 - 14) // 4, "four words each"
