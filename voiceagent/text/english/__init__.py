"""English: how it is read aloud, cut into segments, and listened to."""

import re

from voiceagent.text.english.abbreviations import LEADING, OTHER_LEADING, OTHER_TRAILING, STARTERS, TRAILING
from voiceagent.text.english.spellout import spell_out
from voiceagent.text.language import Language

# What listeners say to keep the speaker going. "Yes" is not here: it is as often an answer; "uh-uh" is a no.
# No two alternatives match the same words, so that a long text is not tried in every combination of them.
_BACKCHANNELS = re.compile(
    r"(?:(?:m h+m+|m+h+m+|h+m+|m{2,}|uh+ h+uh+|a+h+a+|o+h+|a+h+"
    r"|yeah|yea|yep|yup|ok|right|sure|cool|nice|wow|exactly|all right|i see|got it|gotcha"
    r"|great|excellent|amazing|awesome|brilliant|fantastic|perfect|interesting|indeed|absolutely|of course"
    r"|really)(?: |$))++"
)
_INTERRUPTING = (
    "stop wait no nope hey hello hi what why who where when which how pardon sorry excuse listen but actually "
    "hold enough quiet silence pause cancel quit bye goodbye thank thanks repeat again next back skip slower faster "
    "louder help wrong never later moment second minute"
)
_TICS = re.compile(
    r"(?:(?:u+h+|u+h*m+|e+r+m*|h+m+|m+h*m+|a+h+|o{2,}h*|o+h+|e+h+|w+h*oa+h*|u+gh+|o+w+|ouch|oops|phew|hu+h|ha+h?|he+h|hee"
    r"|(?:ha){2,}h?|(?:he){2,}h?|a+hem+|a+choo+|tut|psst|sh{2,})(?: |$))++"
)
_ASKS_AGAIN = re.compile(
    r"\b(?:say (?:that|it)|repeat|again|once more|one more time|come again|what (?:did|was it) you sa(?:y|id)"
    r"|what was that|pardon|(?:did not|didnt|cant|could not|couldnt) (?:hear|catch|get))\b"
)
_HANGING = "a an the and or but because if although unless while than my your his its our their um uh er erm like"
# "Who is it for?"
_HANGING_IN_STATEMENT = "of to with from for at by into as i we they is are was were very"
_DIGITS = "zero oh nought one two three four five six seven eight nine double triple"
_DICTATED = re.compile(
    r"\b(?:numbers?|codes?|pin|digits?|letters?|spell(?:ed|ing|s)?|passwords?|post ?codes?|zip|names?|surnames?|email"
    r"|e mail|address|date of birth|birthday|extension|list|items|ingredients)\b"
)
# "Well" and "so" only by themselves: "he did well" is a whole sentence.
_FILLERS = re.compile(
    r"(?:^|.* )(?:u+h+m*|u+m+|e+r+m*|e+h+|h+m+|let me (?:see|think|check|look)|lets see|hang on|hold on"
    r"|(?:just )?(?:a|one) (?:moment|second|sec|minute)|where was i|how do i put it)"
    r"|.+ a+h+|(?:well|so|wait|like|i mean)"
)

LANGUAGE = Language(
    code="en",
    name="English",
    read=spell_out,
    leading=frozenset(LEADING) | OTHER_LEADING,
    trailing=frozenset(TRAILING) | OTHER_TRAILING,
    starters=STARTERS,
    conjunctions=("and", "but", "or", "because", "while", "although", "though", "unless", "whereas"),
    backchannels=_BACKCHANNELS,
    tics=_TICS,
    interrupting=frozenset(_INTERRUPTING.split()),
    asks_again=_ASKS_AGAIN,
    digits=frozenset(_DIGITS.split()),
    dictated=_DICTATED,
    fillers=_FILLERS,
    hanging=frozenset(_HANGING.split()),
    hanging_in_statement=frozenset(_HANGING_IN_STATEMENT.split()),
)
