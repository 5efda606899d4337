"""Spanish: how it is read aloud, cut into segments, and listened to."""

import re

from voiceagent.text.language import Language
from voiceagent.text.spanish.reading import Spanish
from voiceagent.text.spanish.words import LEADING, NUMBERED, STARTERS, TRAILING

# What listeners say to keep the speaker going. "Sí" is not here: it is as often an answer.
# Longer alternatives first: the group gives nothing back, so that long texts are not tried in every combination.
_BACKCHANNELS = re.compile(
    r"(?:(?:m h+m+|m+h+m+|h+m+|m{2,}|a+j+á+|aja|o+h+|a+h+|ok|okey|vale|claro que sí|claro|ya veo|ya entiendo|ya|"
    r"exacto|entiendo|de acuerdo|genial|qué bien|qué bueno|interesante|vaya|guau|perfecto|en serio|no me digas)"
    r"(?: |$))++"
)
_HANGING = (
    "el un y e o u ni pero porque aunque si que de del al con en por para mi tu su sus mis tus muy eh em sin mientras "
    "cuando hasta desde hacia según"
)
# "¿A quién se las das?"
_HANGING_IN_STATEMENT = "la los las una a es son está están era yo como entre más"
_INTERRUPTING = (
    "para pare alto espera espere no oye oiga hola qué cómo quién dónde cuándo perdón disculpa disculpe pero "
    "basta silencio pausa cancela cancelar adiós gracias repite otra siguiente atrás ayuda falso después"
)
_TICS = re.compile(
    r"(?:(?:e+h+|e+m+|h+m+|m+h*m+|a+h+|o+h+|u+h+|a+y+|u+y+|huy|uf+|ups|ja+|je+|(?:ja){2,}|(?:je){2,}|achís"
    r"|ejem)(?: |$))++"
)
_ASKS_AGAIN = re.compile(
    r"\b(?:rep(?:et|it|ít)\w*|otra vez|de nuevo|cómo dice|qué (?:ha dicho|has dicho|dijo|dijiste)"
    r"|no (?:le |te |lo )?(?:he )?(?:oído|oí|entendido|entiendo))\b"
)
_DIGITS = "cero uno dos tres cuatro cinco seis siete ocho nueve doble triple"
_DICTATED = re.compile(
    r"\b(?:números?|códigos?|pin|dígitos?|cifras?|letras?|deletre\w*|contraseñas?|clave|nombres?|apellidos?|correo|email"
    r"|dirección|fecha de nacimiento|teléfono|extensión|dni|lista|ingredientes)\b"
)
# "Pues" and "bueno" only by themselves: "está bueno" is a whole sentence.
_FILLERS = re.compile(
    r"(?:^|.* )(?:e+h+m*|e+m+|m+h*|h+m+|a ver|déjame (?:ver|pensar|mirar)|déjeme (?:ver|pensar|mirar)|vamos a ver"
    r"|(?:un|espera un|espere un) (?:momento|segundo)|cómo te digo|o sea|es que)|(?:pues|bueno|este|espera|espere)"
)

LANGUAGE = Language(
    code="es",
    name="Spanish",
    read=Spanish().read,
    # The first parts of "p. ej." and "EE. UU.", too, where a blank is written.
    leading=frozenset(LEADING) | {"p", "EE", "JJ", "RR", "FF"},
    trailing=frozenset(TRAILING) | {key.rstrip(".") for key in NUMBERED} | {"ej", "UU", "OO", "HH", "AA", "min", "seg"},
    starters=STARTERS,
    conjunctions=("y", "pero", "o", "porque", "aunque", "mientras", "sino", "cuando"),
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
