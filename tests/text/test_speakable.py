import pytest

from voiceagent.text import speakable


@pytest.mark.parametrize(
    ("written", "said"),
    [
        ("## Heading\nThe *body* is **here**.", "Heading. The body is here."),
        ("Title\n===\nText", "Title. Text"),
        ("- apples\n- **ripe** pears\n", "apples. ripe pears."),
        ("Steps:\n1. Stir it\n2) Bake it!\n", "Steps: one, Stir it. two, Bake it!"),
        ("See [the docs](http://a.com/b) and ![a cat](c.png).", "See the docs and a cat."),
        ("Run `make test`.", "Run make test."),
        ("```python\nx\n```\n", "x."),
        ("a | b\n---|---\nc | d\n", "a, b. c, d."),
        ("> quoted\n> words", "quoted words"),
        ("~~old~~ new <b>bold</b><br>end", "old new bold end"),
        ("<div>in a box</div>", "in a box"),
        ("snake_case and a#b~c", "snake case and a b c"),
        ("2*3*4", "two times three times four"),
        ("First\n\nSecond", "First. Second"),
    ],
)
def test_markdown_becomes_prose(written: str, said: str) -> None:
    assert speakable(written) == said


@pytest.mark.parametrize(
    ("written", "said"),
    [
        ("**Bold", "Bold"),
        ("text** more_", "text more"),
        ("`code", "code"),
        ("[half](http://exam", "half"),
        ("[text", "text"),
        ("| a | b |", "a, b"),
        ("```python", ""),
        ("|---|:--|", ""),
        ("4.", "four."),
        ("1984. That year.", "nineteen eighty-four, That year."),
        ("\n- one\n", "one."),
        ("    - nested", "nested"),
        ("Well, the thing is,", "Well, the thing is,"),
    ],
)
def test_half_a_construct_leaves_no_sign_behind(written: str, said: str) -> None:
    assert speakable(written) == said


@pytest.mark.parametrize(
    ("written", "said"),
    [
        ("Great! 😊 Let's go 🎉🎉.", "Great! Let's go."),
        ("👨\u200d👩\u200d👧 family, 🇫🇷 France, 👍🏽 ok", "family, France, ok"),
        ("1️⃣ First ✅", "one First"),
        ("Hello :) there <3", "Hello there"),
        ("क्\u200dष", "क्\u200dष"),
        ("20 °C", "twenty degrees Celsius"),
        ("Acme™ ©", "Acme"),
    ],
)
def test_pictures_are_not_read(written: str, said: str) -> None:
    assert speakable(written) == said


@pytest.mark.parametrize(
    "nothing", ["", "   ", "***", "---", "😊", "...", "!?", "```", "|", "\n\n", "-", "\x00", "\ud800"]
)
def test_text_with_nothing_to_say_is_empty(nothing: str) -> None:
    assert speakable(nothing) == ""


@pytest.mark.parametrize(
    ("written", "said"),
    [
        ("Wow!!! Really?!", "Wow! Really?"),
        ("Hmm… ok", "Hmm... ok"),
        ("“Quoted,” she said—quietly.", "Quoted, she said, quietly."),
        ("It’s the dogs' 'bone' -- yes - so", "It's the dogs bone, yes, so"),
        ("The price (about $5) is low (really).", "The price, about five dollars, is low, really."),
        ("item(s) in {x}", "items in, x"),
        ("and/or, TCP/IP", "and or, TCP IP"),
        ("ask @bob, $PATH", "ask at bob, PATH"),
        ("so,so  much\tspace", "so, so much space"),
        (", and then", "and then"),
        ("日本語です。", "日本語です。"),
    ],
)
def test_punctuation_is_what_a_voice_can_use(written: str, said: str) -> None:
    assert speakable(written) == said


@pytest.mark.parametrize(
    ("written", "said"),
    [
        ("see https://www.example.com/docs/api?a=1#x.", "see example dot com slash docs slash api."),
        ("at http://localhost:7860/, now", "at localhost, now"),
        ("example.com/a/b/c/d", "example dot com"),
        ("example.com/x9f8e7d6c5b4a3", "example dot com"),
        ("mail foo-bar@x.co.uk!", "mail foo dash bar at x dot co dot uk!"),
        ("Node.js and main.py", "Node dot js and main dot py"),
        ("<https://a.org>", "a dot org"),
    ],
)
def test_addresses_are_said(written: str, said: str) -> None:
    assert speakable(written) == said


def test_numbers_in_another_language_are_left_to_its_voice() -> None:
    assert speakable("**Tenho** 2 gatos (e 3.5 cães) 😊", "pt") == "Tenho 2 gatos, e 3.5 cães"
    assert speakable("2 cats", "en-GB") == "two cats"
