"""German: how it is read aloud, cut into segments, and listened to."""

import re

from voiceagent.text.german.reading import German
from voiceagent.text.german.words import LEADING, NUMBERED, STARTERS, TRAILING
from voiceagent.text.language import Language

# What listeners say to keep the speaker going. "Ja" and "stimmt" are not here: they are as often an answer.
# Longer alternatives first: the group gives nothing back, so that long texts are not tried in every combination.
_BACKCHANNELS = re.compile(
    r"(?:(?:m h+m+|m+h+m+|h+m+|m{2,}|a+h+a+|o+h+|a+h+|ach so|ach|achso|so so|soso|ok|genau|ganz genau|klar"
    r"|alles klar|na klar|logisch|verstehe|ich verstehe|super|toll|cool|krass|prima|interessant|spannend|wow|echt"
    r"|wirklich)(?: |$))++"
)
_HANGING = (
    "und oder aber weil dass ob obwohl sowie falls sodass äh ähm öh öhm mein dein von für ohne gegen zwischen während "
    "wegen zum zur im am vom beim ins ans unser euer"
)
# "Was für einer ist der?"
_HANGING_IN_STATEMENT = "der die den dem des eine einen einem ich wir ist sind war waren wie wenn als bei durch ganz"
_INTERRUPTING = (
    "stopp stop halt warte warten nein nee hey hallo he was wie warum wieso wer wo wann entschuldigung moment "
    "aber genug ruhe leise leiser lauter langsamer schneller pause abbrechen tschüss danke nochmal weiter zurück "
    "hilfe falsch später"
)
_TICS = re.compile(
    r"(?:(?:ä+h*m*|ö+h*m*|e+h*m*|h+m+|m+h*m+|a+h+|o+h+|u+h+|tja|hach|huch|ups|hoppla|autsch|aua|puh|pst|räusper"
    r"|ha+|he+|(?:ha){2,}|(?:he){2,}|hatschi|hui)(?: |$))++"
)
_ASKS_AGAIN = re.compile(
    r"\b(?:noch ?(?:ein)?mal|wiederhol\w*|wie bitte|was (?:haben sie|hast du) gesagt|nicht (?:verstanden|gehört))\b"
)
_DIGITS = "null eins zwei zwo drei vier fünf sechs sieben acht neun doppel"
_DICTATED = re.compile(
    r"\b(?:\w*nummern?|\w*code|pin|ziffern?|buchstab\w*|passwort|kennwort|postleitzahl|plz|\w*namen?|e ?mail\w*"
    r"|\w*adresse|anschrift|geburtsdatum|durchwahl|iban|liste|zutaten)\b"
)
# "Also" and "tja" only by themselves: "ich komme also" is a whole sentence.
_FILLERS = re.compile(
    r"(?:^|.* )(?:ä+h+m*|ö+h+m*|h+m+|e+h+m*|lass mich (?:mal )?(?:sehen|schauen|überlegen|nachdenken)"
    r"|mal (?:sehen|schauen|überlegen)|moment(?: mal)?|(?:einen|ein) moment|sekunde|warte(?: mal)?|wie soll ich sagen)"
    r"|(?:also|tja|naja|na ja|nun)"
)

LANGUAGE = Language(
    code="de",
    name="German",
    read=German().read,
    # The last letter of "d. h." and "z. B.", too, where a blank is written.
    leading=frozenset(LEADING) | {"h", "B"},
    trailing=frozenset(TRAILING)
    | frozenset(NUMBERED)
    | {"e.V", "Jan", "Std", "Min", "Sek", "Mio", "Mrd", "Tsd", "str"},
    starters=STARTERS,
    conjunctions=("und", "aber", "oder", "denn", "weil", "während", "obwohl", "sondern", "damit", "sodass"),
    backchannels=_BACKCHANNELS,
    tics=_TICS,
    interrupting=frozenset(_INTERRUPTING.split()),
    asks_again=_ASKS_AGAIN,
    digits=frozenset(_DIGITS.split()),
    dictated=_DICTATED,
    fillers=_FILLERS,
    hanging=frozenset(_HANGING.split()),
    hanging_in_statement=frozenset(_HANGING_IN_STATEMENT.split()),
    dotted_ordinals=True,
)
