"""French tables: abbreviations, units, currencies, signs, and the words that readings and sentences go by."""

from voiceagent.text.reader import Currency, Noun, word_set

LEADING = {
    "M": "monsieur",
    "MM": "messieurs",
    "Mr": "monsieur",
    "Dr": "docteur",
    "Pr": "professeur",
    "Prof": "professeur",
    "St": "saint",
    "Ste": "sainte",
    "av": "avenue",
    "Av": "Avenue",
    "bd": "boulevard",
    "Bd": "Boulevard",
    "boul": "boulevard",
    "tél": "téléphone",
    "Tél": "Téléphone",
    "p.ex": "par exemple",
    "P.ex": "Par exemple",
    "c.-à-d": "c'est-à-dire",
    "C.-à-d": "C'est-à-dire",
    "cf": "confer",
    "Cf": "Confer",
    "env": "environ",
    "max": "maximum",
    "éd": "édition",
}
# Abbreviations only before a number.
NUMBERED = {
    "n°": "numéro",
    "N°": "Numéro",
    "nº": "numéro",
    "Nº": "Numéro",
    "no.": "numéro",
    "no": "numéro",
    "p.": "page",
    "pp.": "pages",
}
NUMBERED |= {
    "art.": "article",
    "chap.": "chapitre",
    "vol.": "volume",
    "fig.": "figure",
    "t.": "tome",
    "ch.": "chapitre",
}
NUMBERED |= {"lun.": "lundi", "mar.": "mardi", "mer.": "mercredi", "jeu.": "jeudi", "ven.": "vendredi"}
NUMBERED |= {"sam.": "samedi", "dim.": "dimanche"}
# Written without a full stop.
BARE = {"Mme": "madame", "Mmes": "mesdames", "Mlle": "mademoiselle", "Mlles": "mesdemoiselles", "Dr": "docteur"}
BARE |= {
    "St": "saint",
    "Pr": "professeur",
    "Mgr": "monseigneur",
    "Me": "maître",
    "Cie": "compagnie",
    "Ste": "sainte",
    "bd": "boulevard",
}
TRAILING = {
    "etc": "et cetera",
    "av.J.-C": "avant Jésus-Christ",
    "apr.J.-C": "après Jésus-Christ",
    "ap.J.-C": "après Jésus-Christ",
    "J.-C": "Jésus-Christ",
    "janv": "janvier",
    "févr": "février",
    "avr": "avril",
    "juill": "juillet",
    "sept": "septembre",
    "oct": "octobre",
    "nov": "novembre",
    "déc": "décembre",
}

_YEAR = "janvier février mars avril mai juin juillet août septembre octobre novembre décembre"
MONTHS = tuple(_YEAR.split())

UNITS = {
    "mm": Noun("millimètre", "millimètres"),
    "cm": Noun("centimètre", "centimètres"),
    "m": Noun("mètre", "mètres"),
    "km": Noun("kilomètre", "kilomètres"),
    "m²": Noun("mètre carré", "mètres carrés"),
    "m2": Noun("mètre carré", "mètres carrés"),
    "cm²": Noun("centimètre carré", "centimètres carrés"),
    "km²": Noun("kilomètre carré", "kilomètres carrés"),
    "m³": Noun("mètre cube", "mètres cubes"),
    "ha": Noun("hectare", "hectares"),
    "km/h": Noun("kilomètre heure", "kilomètres heure"),
    "m/s": Noun("mètre par seconde", "mètres par seconde"),
    "mg": Noun("milligramme", "milligrammes"),
    "μg": Noun("microgramme", "microgrammes"),
    "g": Noun("gramme", "grammes"),
    "kg": Noun("kilogramme", "kilogrammes"),
    "t": Noun("tonne", "tonnes", "f"),
    "ml": Noun("millilitre", "millilitres"),
    "mL": Noun("millilitre", "millilitres"),
    "cl": Noun("centilitre", "centilitres"),
    "l": Noun("litre", "litres"),
    "L": Noun("litre", "litres"),
    "ms": Noun("milliseconde", "millisecondes", "f"),
    "s": Noun("seconde", "secondes", "f"),
    "sec": Noun("seconde", "secondes", "f"),
    "sec.": Noun("seconde", "secondes", "f"),
    "min": Noun("minute", "minutes", "f"),
    "min.": Noun("minute", "minutes", "f"),
    "mn": Noun("minute", "minutes", "f"),
    "h": Noun("heure", "heures", "f"),
    "kWh": Noun("kilowattheure", "kilowattheures"),
    "kW": Noun("kilowatt", "kilowatts"),
    "W": Noun("watt", "watts"),
    "V": Noun("volt", "volts"),
    "mAh": Noun("milliampère-heure", "milliampères-heure"),
    "ch": Noun("cheval", "chevaux"),
    "Hz": Noun("hertz", "hertz"),
    "kHz": Noun("kilohertz", "kilohertz"),
    "MHz": Noun("mégahertz", "mégahertz"),
    "GHz": Noun("gigahertz", "gigahertz"),
    "Ko": Noun("kilooctet", "kilooctets"),
    "ko": Noun("kilooctet", "kilooctets"),
    "Mo": Noun("mégaoctet", "mégaoctets"),
    "Go": Noun("gigaoctet", "gigaoctets"),
    "To": Noun("téraoctet", "téraoctets"),
    "MB": Noun("mégaoctet", "mégaoctets"),
    "GB": Noun("gigaoctet", "gigaoctets"),
    "TB": Noun("téraoctet", "téraoctets"),
    "Mbit/s": Noun("mégabit par seconde", "mégabits par seconde"),
    "Mb/s": Noun("mégabit par seconde", "mégabits par seconde"),
    "Gbit/s": Noun("gigabit par seconde", "gigabits par seconde"),
    "kcal": Noun("kilocalorie", "kilocalories", "f"),
    "°C": Noun("degré Celsius", "degrés Celsius"),
    "°F": Noun("degré Fahrenheit", "degrés Fahrenheit"),
    "°": Noun("degré", "degrés"),
    "cts": Noun("centime", "centimes"),
    "ct": Noun("centime", "centimes"),
    "%": Noun("pour cent", "pour cent"),
    "‰": Noun("pour mille", "pour mille"),
}

_CENTIME, _CENT = Noun("centime", "centimes"), Noun("cent", "cents")
_EURO = Currency(Noun("euro", "euros"), _CENTIME)
_DOLLAR = Currency(Noun("dollar", "dollars"), _CENT)
_POUND = Currency(Noun("livre", "livres", "f"), Noun("penny", "pence"))
_YEN = Currency(Noun("yen", "yens"), Noun("sen", "sens"))
_FRANC = Currency(Noun("franc", "francs"), _CENTIME)
CURRENCIES = {"€": _EURO, "EUR": _EURO, "euro": _EURO, "euros": _EURO, "$": _DOLLAR, "US$": _DOLLAR, "USD": _DOLLAR}
CURRENCIES |= {"dollar": _DOLLAR, "dollars": _DOLLAR, "£": _POUND, "GBP": _POUND, "¥": _YEN, "JPY": _YEN}
CURRENCIES |= {"CHF": Currency(Noun("franc suisse", "francs suisses"), _CENTIME), "franc": _FRANC, "francs": _FRANC}
CURRENCIES |= {"$ CA": Currency(Noun("dollar canadien", "dollars canadiens"), _CENT)}

_MILLION, _MILLIARD = Noun("million", "millions"), Noun("milliard", "milliards")
MULTIPLES = {"M": _MILLION, "million": _MILLION, "millions": _MILLION, "Md": _MILLIARD, "Mds": _MILLIARD}
MULTIPLES |= {
    "milliard": _MILLIARD,
    "milliards": _MILLIARD,
    "mille": Noun("mille", "mille"),
    "k": Noun("mille", "mille"),
}

SIGNS = {
    "^": "puissance",
    "<=": "au plus",
    ">=": "au moins",
    "!=": "différent de",
    "->": "vers",
    "=>": "donc",
    "==": "égale",
    "=": "égale",
    "→": "vers",
    "⇒": "donc",
    "≤": "au plus",
    "≥": "au moins",
    "<": "inférieur à",
    ">": "supérieur à",
    "≠": "différent de",
    "≈": "environ",
    "±": "plus ou moins",
    "×": "fois",
    "÷": "divisé par",
    "√": "racine carrée de",
    "∞": "l'infini",
    "²": "au carré",
    "³": "au cube",
    "&": "et",
    "%": "pour cent",
    "‰": "pour mille",
    "°": "degrés",
    "§": "paragraphe",
    "+": "plus",
}
SIGNS |= {"∛": "racine cubique de", "∑": "somme", "∫": "intégrale", "∈": "appartient à"}
_LETTERS = (
    "alpha bêta gamma delta epsilon zêta êta thêta iota kappa lambda mu nu xi "
    "omicron pi rhô sigma tau upsilon phi khi psi oméga"
)
GREEK = tuple(_LETTERS.split())
ADDRESS = {".": "point", "-": "tiret", "_": "tiret bas", "+": "plus", "/": "barre oblique", "@": "arobase"}

# Words that begin a sentence far more often than they follow an abbreviation.
STARTERS = word_set(
    "à ainsi alors après au aujourd aussi avant avec avez bien bon c ça car ce cela celui ces cet cette chaque comme "
    "comment d dans de demain depuis des dès donc du elle elles en enfin ensuite est et heureusement hier ici il ils "
    "j je l la là le les leur leurs lorsque lui ma mais malgré même merci mes moi mon n non nos notre nous on or ou "
    "où oui par parce pas pendant peut plus plusieurs pour pourquoi pourtant pouvez puis qu quand que quel quelle "
    "quelques qui quoi s sa sans se ses si son sont sous sur ta tes toi ton tous tout toute toutes tu un une vers vos "
    "votre voici voilà voulez vous y"
)

FEMININE = word_set(
    "fois heure heures minute minutes seconde secondes semaine semaines année années journée journées personne "
    "personnes page pages femme femmes fille filles voiture voitures maison maisons ville villes chose choses étape "
    "étapes place places chambre chambres table tables ligne lignes question questions nuit nuits équipe équipes "
    "pièce pièces tasse tasses cuillère cuillères cuillerée feuille feuilles boîte boîtes bouteille bouteilles goutte "
    "gouttes tranche tranches gousse gousses tonne tonnes part parts partie parties porte portes rue rues main mains "
    "lettre lettres image images photo photos vidéo vidéos carte cartes clé clés commande commandes offre offres "
    "tâche tâches fenêtre fenêtres entreprise entreprises école écoles route routes saison saisons note notes adresse "
    "adresses réponse réponses recette recettes œuvre œuvres langue langues île îles couleur couleurs sœur sœurs "
    "fleur fleurs option options idée idées copie copies mi-temps aide victoire victoires défaite défaites étoile "
    "étoiles chanson chansons façon façons leçon leçons raison raisons mer eau dizaine centaine douzaine"
)
_ENDINGS = "tion sion ette ance ence ité esse euse elle trice ure ée"
FEMININE_ENDINGS = tuple(f"{ending}{plural}" for ending in _ENDINGS.split() for plural in ("", "s"))
MASCULINE = word_set("musée musées lycée lycées trophée trophées squelette murmure murmures mercure silence silences")

KINGS = (
    "Louis|Henri|Charles|François|Philippe|Napoléon|Jean|Jean-Paul|Benoît|Pie|Léon|Grégoire|Innocent|Clément"
    "|Ramsès|Alexandre|Nicolas|Richard|Guillaume|Frédéric|Georges|Édouard|Jacques|Albert|Léopold|Baudouin|Rainier"
    "|Pierre"
)
QUEENS = "Élisabeth|Elisabeth|Elizabeth|Catherine|Marie|Marguerite"
NUMBERED_BY_ROMAN = "chapitre|tome|volume|titre|livre|acte|scène|partie|phase|type|groupe|niveau|annexe|article|section"
