"""French: how it is read aloud, cut into segments, and listened to."""

import re

from voiceagent.text.french.reading import French
from voiceagent.text.french.words import BARE, LEADING, NUMBERED, STARTERS, TRAILING
from voiceagent.text.language import Language

# What listeners say to keep the speaker going. "Oui" is not here: it is as often an answer.
# Longer alternatives first: the group gives nothing back, so that long texts are not tried in every combination.
_BACKCHANNELS = re.compile(
    r"(?:(?:m h+m+|m+h+m+|h+m+|m{2,}|ah bon|ah oui|a+h+|o+h+|ouais|ok|daccord|je vois|je comprends|bien sûr|exactement|"
    r"tout à fait|super|génial|cool|tiens|wow|waouh|cest ça|intéressant|entendu|vraiment|compris)(?: |$))++"
)
_HANGING = (
    "un et ou mais parce que car si quand du des au aux mon ma mes ton ta tes ses leurs ce cette ces euh heu ben de d "
    "l j qu c n très chez lorsque puisque donc"
)
# "Tu viens avec qui ?", "Dis-le." is taken for unfinished.
_HANGING_IN_STATEMENT = "le la les une je tu il elle on nous est sont qui à dans sur sous avec pour sans par comme plus"
_INTERRUPTING = (
    "stop arrête arrêtez attends attendez non hé hep bonjour allô quoi pourquoi comment qui où quand pardon mais "
    "assez silence pause annule annuler merci répète encore suivant retour aide faux"
)
_TICS = re.compile(
    r"(?:(?:eu+h+|heu+|h+e+m+|h+m+|m+h*m+|a+h+|o+h+|e+h+|bah|ben|aïe|ouf|oups|houla|ha+|hé+|(?:ha){2,}|(?:hi){2,}|atchoum"
    r"|pff+|chut)(?: |$))++"
)
_ASKS_AGAIN = re.compile(
    r"\b(?:répét\w*|redire|redis|redites|encore une fois|de nouveau|pardon|quavez vous dit|pas (?:compris|entendu))\b"
)
_DIGITS = "zéro un deux trois quatre cinq six sept huit neuf double"
_DICTATED = re.compile(
    r"\b(?:numéros?|codes?|pin|chiffres?|lettres?|l?épel\w*|mot de passe|noms?|prénoms?|mail|email|courriel|l?adresse"
    r"|date de naissance|téléphone|poste|liste|ingrédients)\b"
)
# "Bon" and "alors" only by themselves: "c'est bon" is a whole sentence.
_FILLERS = re.compile(
    r"(?:^|.* )(?:e+u+h+|h+e+u+|h+m+|m+h*|voyons(?: voir)?|laiss(?:e|ez) moi (?:voir|réfléchir|regarder)"
    r"|attend(?:s|ez)(?: voir)?|(?:un|une) (?:instant|moment|seconde)|comment dire)|(?:bon|ben|alors|eh bien|bah)"
)

LANGUAGE = Language(
    code="fr",
    name="French",
    read=French().read,
    leading=frozenset(LEADING) | frozenset(BARE) | {"apr", "ap", "p"},
    trailing=frozenset(TRAILING) | {key.rstrip(".") for key in NUMBERED} | {"ex", "min", "sec"},
    starters=STARTERS,
    conjunctions=("et", "mais", "ou", "parce", "car", "donc", "quand", "lorsque", "alors"),
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
