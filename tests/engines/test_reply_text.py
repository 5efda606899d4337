"""What is heard of a reply: the answer alone, in whatever notation the model wraps it, however it is cut."""

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from replies import ASKED, WITHOUT_TOOLS, cut, heard, in_pieces, said

from voiceagent.engines.llm.contract import Message
from voiceagent.engines.llm.loops import LONGEST_PHRASE
from voiceagent.engines.llm.marks import opened_thought
from voiceagent.engines.llm.reply_text import ReplyText

WORDS = (
    "<think>|</think>|<thinking>|<|channel|>|analysis|final|<|message|>|<|end|>|<|start|>assistant|<|im_end|>|"
    "[THINK]|[/THINK]|User:|Assistant:|\n|### |thought\n|*smiles*|**|*|[laughs]|(|)|[|]|&amp;|&|&nbsp;|\x1b[1m|[0m|"
    '<b>|<br>|</s>|```|json\n|{|}|"|"name": "now"|<tool_call>|</tool_call>|[TOOL_CALLS]|get_weather(|[now(|\u200b|'
    "\ud83d|stop|st|a| |Yes. |no |<|>|he |softly |clears his throat|<0x0A>|to=functions.now|[1]|◁think▷|_|1|;"
    '<|"|>|<a href=|"x"|Action: |Final Answer:|Thought:|Observation:'
)


def pieces_of_text() -> st.SearchStrategy[str]:
    words = st.sampled_from([word for word in WORDS.split("|") if word] + ["<|im_start|>", "<|channel|>", "|"])
    return st.lists(words, max_size=16).map("".join)


@settings(max_examples=400)
@given(pieces_of_text(), st.lists(st.integers(0, 400)))
@example("**smiles*", [1, 2, 3])
@example("<tool_call>a</tool_call> no <tool_call>", [30])
def test_how_a_reply_is_cut_changes_nothing(text: str, at: list[int]) -> None:
    whole = heard(text, stops=("stop",))
    assert heard(cut(text, at), stops=("stop",)) == whole
    assert heard(in_pieces(text, 1), stops=("stop",)) == whole


@given(st.text(alphabet=st.characters(codec="utf-8", exclude_categories=["C", "Z"]) | st.just(" "), max_size=60))
def test_what_holds_no_sign_of_a_mark_is_heard_as_it_is(text: str) -> None:
    if not set(text) & set("<>[{(&*_`◁✿:") and not text.lstrip().startswith("analysis"):
        assert said(text) == text.lstrip()


@pytest.mark.parametrize(
    "reply",
    [
        "Sure, I can help with that.",
        "The user: a person who pays.",
        "He said: User: is a label.",
        "2 < 3, a<b and c>d, R&D at AT&T; 2*3*4.",
        "It is *really* good, **very** good [1], (about five), snake_case and `code`.",
        "See [the page](https://example.org/a?b=c&d=e).",
        "Her name is {name}, her list [1, 2].",
        "I think\nthoughts are free.",
        "Symptoms are (coughing, sneezing) or (about laughs) and *smile*.",
        "The time now (it is late) is *now*.",
        "A line ends with\nusers\nand with the user\nhere.",
        "- *one*\n- *two*\n* three\n# Head\n",
        "ha " * 12 + "stop",
    ],
)
def test_ordinary_text_is_left_as_it_is(reply: str) -> None:
    assert said(reply) == reply


@pytest.mark.parametrize(
    ("text", "most"),
    [
        ("Well, I think that 2 * 3 is 6, or {six}.\nSo 5 < 7, isn't it? [1]", 2),
        ("Users like R&D, *really* (about five of them) or `code`.", 4),
        ("Assistants are hungry. *Small* ones are free, <blue> too.", 9),
    ],
)
def test_ordinary_text_is_held_back_only_while_it_may_become_a_mark(text: str, most: int) -> None:
    reply, shown = ReplyText(ASKED), ""
    held = []
    for size, char in enumerate(text, 1):
        shown += reply.feed(char)
        held.append(size - len(shown))
    assert shown + reply.finish() == text
    assert max(held) == most


# Thoughts


@pytest.mark.parametrize(
    "reply",
    [
        "<think>Hm.</think>\n\nYes.",
        "<thinking>Hm.</thinking> Yes.",
        "<THINK>Hm.</THINK>Yes.",
        "<thought>Hm.</thought>Yes.",
        "<reasoning>Hm.</reasoning>Yes.",
        "<reflection>Hm.</reflection>Yes.",
        "<think>One. <reflection>Two.</reflection> Three.</think>Yes.",
        "<think><think>Hm.</think>Yes.",
        "<thinking>Hm.</think>Yes.",
        "<think/>Yes.",
        "<seed:think>Hm.</seed:think>Yes.",
        "[THINK]Hm.[/THINK]Yes.",
        "◁think▷Hm.◁/think▷Yes.",
        "<|begin_of_thought|>Hm.<|end_of_thought|><|begin_of_solution|>Yes.<|end_of_solution|>",
        "<|START_THINKING|>Hm.<|END_THINKING|><|START_RESPONSE|>Yes.<|END_RESPONSE|>",
        "<|channel>thought\nHm.<channel|>Yes.",
        "<|channel>thought\n<channel|>Yes.<turn|>\n",
        "<unused94>thought\nHm.<unused95>Yes.",
        "Here is my thought process:\nHm.\n\nHere is my response:\nYes.",
        "Here are my reasoning steps:\nHm.\n[BEGIN FINAL RESPONSE]Yes.[END FINAL RESPONSE]",
        "<|channel|>analysis<|message|>Hm.<|end|><|start|>assistant<|channel|>final<|message|>Yes.<|return|>",
        "<|channel|>analysis<|message|>Hm.<|channel|>final<|message|>Yes.<|end|>",
        "<|start|>assistant<|channel|>final <|constrain|>text<|message|>Yes.",
        "Thought: I should agree.\nFinal Answer: Yes.",
        "analysisWe should agree.assistantfinalYes.",
        '<think>User: no\n<user> <b> *laughs* {"a": 1} ```\n</think>Yes.',
        "<think>Hm.</think><answer>Yes.</answer>",
        "Hm, the user wants a yes.\n</think>\n\nYes.",
        "Hm. I should agree.[/THINK]Yes.",
        "<think>\n\n</think>\n\n<think>Hm.</think>Yes.</think>",
    ],
)
def test_only_the_answer_is_heard(reply: str) -> None:
    assert said(reply) == "Yes."


@pytest.mark.parametrize(
    "reply", ["<think>Hm", "<think>Hm </thin", "thought\nThe user greets me.", "[THINK]Hm", "<thi"]
)
def test_a_thought_that_never_ends_is_silence(reply: str) -> None:
    assert said(reply) == ""


def test_a_preamble_of_harmony_is_heard_and_its_analysis_is_not() -> None:
    start = "<|start|>assistant<|channel|>"
    reply = f"<|channel|>commentary<|message|>Let me look.<|end|>{start}analysis<|message|>Hm.<|end|>"
    assert said(f"{reply}{start}final<|message|> Yes.<|return|>") == "Let me look. Yes."


def test_what_was_a_thought_is_taken_back_once() -> None:
    reply = ReplyText()
    assert reply.feed("Hm, well. ") == "Hm, well. "
    assert (reply.feed("So</think>Yes."), reply.retracted) == ("Yes.", True)
    reply.retracted = False
    assert (reply.feed(" And</think> no."), reply.retracted) == (" And no.", False)


def test_the_prompt_tells_whether_it_opens_a_thought() -> None:
    assert opened_thought("<|im_start|>assistant\n<think>\n") == "<think>"
    assert opened_thought("<seed:think>") == "<seed:think>"
    assert opened_thought("[/INST][THINK]") == "[THINK]"
    assert opened_thought("<|im_start|>assistant\n<think>\n\n</think>\n\n") == ""
    assert opened_thought("<|im_start|>assistant\n") == opened_thought("") == opened_thought("a <b") == ""


# Somebody else's part


@pytest.mark.parametrize(
    "part",
    [
        "\nUser: And you?",
        "\n User: And you?",
        "\nUSER: And you?",
        "\nHuman: And you?",
        "\n**User:** And you?",
        "\n**User**: And you?",
        "\n[User]: And you?",
        "\n### User\nAnd you?",
        "\n### User: And you?",
        "\n## Instruction:\nSay it.",
        "\n### User",
        "<|im_end|>\n<|im_start|>user\nAnd you?",
        "<|im_start|>user\nAnd you?",
        "<|eot_id|><|start_header_id|>user<|end_header_id|>\n\nAnd you?",
        "<|start_header_id|>user<|end_header_id|>And you?",
        "<end_of_turn>\n<start_of_turn>user\nAnd you?",
        "<start_of_turn>user\nAnd you?",
        "<turn|>\n<|turn>user\nAnd you?",
        "[INST] And you? [/INST]",
        "</s>[INST] And you?",
        "</s>Then more.",
        "<|endoftext|>Then more.",
        "<|end|><|user|>And you?",
        "<|user|>\nAnd you?",
        "<|start|>user<|message|>And you?",
        "<|start_of_role|>user<|end_of_role|>And you?",
        "<\uff5cUser\uff5c>And you?",
        "<\uff5cend\u2581of\u2581sentence\uff5c>More",
        "<|im_user|>user<|im_middle|>And you?",
        "<eos>More",
        "<tool_response>\n12 degrees",
        "\nuser\nAnd you?",
        "\n<user>And you?</user>",
        "[TOOL_RESULTS]12 degrees",
    ],
)
def test_a_reply_ends_where_the_model_speaks_for_somebody_else(part: str) -> None:
    for text in (f"I am fine.{part}", f"<think>Hm.</think>I am fine.{part}"):
        assert said(text).rstrip() == "I am fine."
        assert heard(text).over or text.endswith("### User")


@pytest.mark.parametrize(
    "label",
    [
        *("Assistant: ", "**Assistant:** ", "### Assistant:\n", "### Response\n", "AI: ", "Ada: ", "\n[Assistant]: "),
        *("Answer: ", "<|im_start|>assistant\n", "<|start_header_id|>assistant<|end_header_id|>\n\n", "<s>", "<bos>"),
        *("<start_of_turn>model\n", "<|assistant|>", "[/INST] ", "</s>", "<|im_end|>\n<|im_start|>assistant\n"),
        *("<|turn>model\n", "assistant\n\n"),
    ],
)
def test_a_label_of_the_agent_itself_is_not_heard(label: str) -> None:
    assert said(f"{label}I am fine.") == "I am fine."


def test_a_name_is_a_label_only_at_the_beginning_and_only_the_agents() -> None:
    assert said("Ada: This is Ada: me.\nAda: again.") == "This is Ada: me.\nAda: again."
    assert said("Bob: hello") == "Bob: hello"
    assert said("Ada: hello", WITHOUT_TOOLS) == "Ada: hello"


def test_other_marks_of_templates_are_left_out() -> None:
    assert said("One<pad><unk> <unused12>two<|reserved_special_token_1|> <mask>three<0x0A>User: x") == "One two three\n"


# Markup


@pytest.mark.parametrize(
    ("written", "words"),
    [
        ("Ten&nbsp;euros &amp; more &lt;3 &#39;so&#x27; &unknown; &", "Ten euros & more <3 'so' &unknown; &"),
        ("\x1b[1mHello\x1b[0m \x1b]8;;http://a\x07you\x9b31m!", "Hello you!"),
        ("[1mHello[0m [38;5;12myou", "Hello you"),
        ('One<br>two<br/>three</p><b>four</b> <span class="x">five</span><!-- no -->', "One\ntwo\nthree\nfour five"),
        ("a\u200bb\u2060c\ufeffd\u00ade\u202ef\x00g\x07h\rj", "abcdefghj"),
        ("so\ud83d ok \ud800", "so ok "),
        ("می\u200cخواهم", "می\u200cخواهم"),
        ("one\u2028two\u00a0three", "one\ntwo three"),
    ],
)
def test_markup_and_invisible_characters_are_not_heard(written: str, words: str) -> None:
    assert said(written) == words


@pytest.mark.parametrize(
    "direction",
    [
        "*smiles*",
        "**smiles**",
        "_smiles_",
        "[laughs]",
        "(chuckles)",
        "(pauses)",
        "*She smiles softly*",
        "[laughs nervously]",
        "(clears throat)",
        "*clears his throat*",
        "*takes a deep breath*",
        "[laughter]",
        "(long pause)",
        "*grinning*",
        "(sighs deeply)",
        "*Sigh*",
        "[soft chuckle]",
        "*smiles warmly and nods at you*",
        "(waves goodbye)",
        "*rolls her eyes*",
        "(smiling)",
        "[pause]",
        "*winks!*",
    ],
)
def test_stage_directions_are_not_heard(direction: str) -> None:
    assert said(f"{direction} Hello.") == "Hello."
    assert said(f"Hello. {direction}").rstrip() == "Hello."


def test_code_and_json_are_not_read_aloud() -> None:
    assert said("Use this:\n```python\nprint('User: x')\n```\nThat is all.") == "Use this:\n\nThat is all."
    assert said("So:\n```\nHello there.\n```\nBye.").split() == ["So:", "Hello", "there.", "Bye."]
    assert said('The answer is {"a": [1, {"b": "}"}]}, you see.') == "The answer is , you see."
    assert said('{"answer": "Hello"}', WITHOUT_TOOLS) == ""
    assert said('[{"a": 1}]') == said('```json\n{"a": 1}') == said('{"a": ') == ""
    assert said("Say ```x``` now `") == "Say x now `"


# Loops


@pytest.mark.parametrize("phrase", ["no ", "I do not know. ", "one two ", "Yes, I can do that for you! ", "哈"])
def test_a_reply_that_goes_round_in_circles_is_over(phrase: str) -> None:
    reply = ReplyText()
    shown = "".join(reply.feed(piece) for piece in in_pieces("Well then: " + phrase * 40, 2))
    assert reply.over
    words = max(1, len(phrase.split()))
    times = max(4, -(-13 // words))
    assert shown.rstrip(" .!") == ("Well then: " + phrase * times).rstrip(" .!")
    assert reply.feed("More.") == reply.finish() == ""


@pytest.mark.parametrize("sign", ["-", "ha", "\n", " ", "😀", "\u200b", "=-"])
def test_signs_without_end_are_over(sign: str) -> None:
    assert heard(f"Well {sign * 100}").over
    assert not heard(f"Well {sign * 20}").over


def test_a_loop_in_a_thought_or_a_call_is_over_as_well() -> None:
    assert heard("<think>" + "I must think. " * 20) == heard("<tool_call>" + "I must think. " * 20)
    assert heard("<think>" + "I must think. " * 20).over


def test_what_comes_three_times_or_changes_is_no_loop() -> None:
    assert not heard("Row, row, row your boat. " * 3).over
    assert not heard(" ".join(f"{number} green bottles," for number in range(100))).over
    assert not heard("| a | b | c | d | e | f |\n| --- | --- | --- | --- | --- | --- |\n").over
    long = " ".join(f"word{number}" for number in range(LONGEST_PHRASE + 1))
    assert not heard(f"{long} " * 6).over


# Stop strings


def test_the_text_ends_before_a_stop_string_however_it_is_cut() -> None:
    def until(stops: tuple[str, ...], text: str) -> tuple[str, bool]:
        result = heard(text, stops=stops)
        assert all(heard(in_pieces(text, size), stops=stops) == result for size in (1, 2, 5))
        return result.text, result.over

    assert until(("That is all", "\n\n"), "Well. That is all, bye.") == ("Well. ", True)
    assert until(("\n\n",), "Well.\n\nMore.") == ("Well.", True)
    assert until(("That is all",), "Well. That isn't.") == ("Well. That isn't.", False)
    assert until(("That is all",), "Well. That") == ("Well. That", False)
    assert until(("<b>", "]"), "One <b>two") == ("One ", True)
    assert until(("stop",), "<think>stop</think>Go.") == ("Go.", False)


def test_a_name_in_the_prompt_is_found() -> None:
    for prompt in ("Your name is Max.", "You're Max, a clerk.", "You are Max Power, a clerk.", "A clerk named Max."):
        name = "Max Power" if "Power" in prompt else "Max"
        assert said(f"{name}: Hello.", (Message("system", prompt),)) == "Hello."
