"""German tables: abbreviations, units, currencies, signs, and the words that readings and sentences go by."""

from voiceagent.text.reader import Currency, Noun, word_set

LEADING = {
    "Dr": "Doktor",
    "Prof": "Professor",
    "Hr": "Herr",
    "Hrn": "Herrn",
    "Frl": "Fräulein",
    "Dipl.-Ing": "Diplomingenieur",
    "Ing": "Ingenieur",
    "St": "Sankt",
    "Nr": "Nummer",
    "Nrn": "Nummern",
    "Tel": "Telefon",
    "bzw": "beziehungsweise",
    "ca": "circa",
    "evtl": "eventuell",
    "ggf": "gegebenenfalls",
    "inkl": "inklusive",
    "exkl": "exklusive",
    "zzgl": "zuzüglich",
    "abzgl": "abzüglich",
    "max": "maximal",
    "mind": "mindestens",
    "vgl": "vergleiche",
    "sog": "sogenannte",
    "insb": "insbesondere",
    "bspw": "beispielsweise",
    "gem": "gemäß",
    "lt": "laut",
    "z.B": "zum Beispiel",
    "d.h": "das heißt",
    "u.a": "unter anderem",
    "i.d.R": "in der Regel",
    "z.T": "zum Teil",
    "v.a": "vor allem",
    "u.U": "unter Umständen",
    "i.A": "im Auftrag",
    "m.E": "meines Erachtens",
    "s.o": "siehe oben",
    "s.u": "siehe unten",
    "o.g": "oben genannt",
}
LEADING |= {
    key[0].upper() + key[1:]: words[0].upper() + words[1:] for key, words in LEADING.items() if key[0].islower()
}

# Abbreviations only before a number.
NUMBERED = {"S": "Seite", "Art": "Artikel", "Abs": "Absatz", "Bd": "Band", "Kap": "Kapitel", "Abb": "Abbildung"}
NUMBERED |= {"Tab": "Tabelle", "Aufl": "Auflage", "Ziff": "Ziffer"}

TRAILING = {
    "usw": "und so weiter",
    "etc": "et cetera",
    "usf": "und so fort",
    "Str": "Straße",
    "Jh": "Jahrhundert",
    "Jhd": "Jahrhundert",
    "Mwst": "Mehrwertsteuer",
    "MwSt": "Mehrwertsteuer",
    "Feb": "Februar",
    "Apr": "April",
    "Aug": "August",
    "Sep": "September",
    "Sept": "September",
    "Okt": "Oktober",
    "Nov": "November",
    "Dez": "Dezember",
    "Mo": "Montag",
    "Di": "Dienstag",
    "Mi": "Mittwoch",
    "Do": "Donnerstag",
    "Fr": "Freitag",
    "Sa": "Samstag",
    "jr": "junior",
    "sen": "senior",
    "v.Chr": "vor Christus",
    "n.Chr": "nach Christus",
    "o.Ä": "oder Ähnliches",
    "u.Ä": "und Ähnliches",
    "u.v.m": "und vieles mehr",
}

_YEAR = "Januar Februar März April Mai Juni Juli August September Oktober November Dezember"
MONTHS = tuple(_YEAR.split())

UNITS = {
    "mm": Noun("Millimeter", "Millimeter"),
    "cm": Noun("Zentimeter", "Zentimeter"),
    "dm": Noun("Dezimeter", "Dezimeter"),
    "m": Noun("Meter", "Meter"),
    "km": Noun("Kilometer", "Kilometer"),
    "m²": Noun("Quadratmeter", "Quadratmeter"),
    "qm": Noun("Quadratmeter", "Quadratmeter"),
    "km²": Noun("Quadratkilometer", "Quadratkilometer"),
    "cm²": Noun("Quadratzentimeter", "Quadratzentimeter"),
    "m³": Noun("Kubikmeter", "Kubikmeter"),
    "ha": Noun("Hektar", "Hektar", "n"),
    "km/h": Noun("Kilometer pro Stunde", "Kilometer pro Stunde"),
    "m/s": Noun("Meter pro Sekunde", "Meter pro Sekunde"),
    "mg": Noun("Milligramm", "Milligramm", "n"),
    "μg": Noun("Mikrogramm", "Mikrogramm", "n"),
    "g": Noun("Gramm", "Gramm", "n"),
    "kg": Noun("Kilogramm", "Kilogramm", "n"),
    "t": Noun("Tonne", "Tonnen", "f"),
    "ml": Noun("Milliliter", "Milliliter"),
    "cl": Noun("Zentiliter", "Zentiliter"),
    "l": Noun("Liter", "Liter"),
    "L": Noun("Liter", "Liter"),
    "EL": Noun("Esslöffel", "Esslöffel"),
    "TL": Noun("Teelöffel", "Teelöffel"),
    "ms": Noun("Millisekunde", "Millisekunden", "f"),
    "s": Noun("Sekunde", "Sekunden", "f"),
    "Sek.": Noun("Sekunde", "Sekunden", "f"),
    "sek": Noun("Sekunde", "Sekunden", "f"),
    "min": Noun("Minute", "Minuten", "f"),
    "Min.": Noun("Minute", "Minuten", "f"),
    "Min": Noun("Minute", "Minuten", "f"),
    "h": Noun("Stunde", "Stunden", "f"),
    "Std.": Noun("Stunde", "Stunden", "f"),
    "Std": Noun("Stunde", "Stunden", "f"),
    "kWh": Noun("Kilowattstunde", "Kilowattstunden", "f"),
    "kW": Noun("Kilowatt", "Kilowatt", "n"),
    "W": Noun("Watt", "Watt", "n"),
    "V": Noun("Volt", "Volt", "n"),
    "mAh": Noun("Milliamperestunde", "Milliamperestunden", "f"),
    "PS": Noun("PS", "PS", "n"),
    "Hz": Noun("Hertz", "Hertz", "n"),
    "kHz": Noun("Kilohertz", "Kilohertz", "n"),
    "MHz": Noun("Megahertz", "Megahertz", "n"),
    "GHz": Noun("Gigahertz", "Gigahertz", "n"),
    "KB": Noun("Kilobyte", "Kilobyte", "n"),
    "kB": Noun("Kilobyte", "Kilobyte", "n"),
    "MB": Noun("Megabyte", "Megabyte", "n"),
    "GB": Noun("Gigabyte", "Gigabyte", "n"),
    "TB": Noun("Terabyte", "Terabyte", "n"),
    "Mbit/s": Noun("Megabit pro Sekunde", "Megabit pro Sekunde", "n"),
    "MBit/s": Noun("Megabit pro Sekunde", "Megabit pro Sekunde", "n"),
    "Gbit/s": Noun("Gigabit pro Sekunde", "Gigabit pro Sekunde", "n"),
    "kcal": Noun("Kilokalorie", "Kilokalorien", "f"),
    "°C": Noun("Grad Celsius", "Grad Celsius", "n"),
    "°F": Noun("Grad Fahrenheit", "Grad Fahrenheit", "n"),
    "°": Noun("Grad", "Grad", "n"),
    "ct": Noun("Cent", "Cent"),
    "Ct": Noun("Cent", "Cent"),
    "%": Noun("Prozent", "Prozent", "n"),
    "‰": Noun("Promille", "Promille", "n"),
}

_CENT = Noun("Cent", "Cent")
_EURO = Currency(Noun("Euro", "Euro"), _CENT)
_DOLLAR = Currency(Noun("Dollar", "Dollar"), _CENT)
_POUND = Currency(Noun("Pfund", "Pfund", "n"), Noun("Penny", "Pence"))
_FRANC = Currency(Noun("Schweizer Franken", "Schweizer Franken"), Noun("Rappen", "Rappen"))
_YEN = Currency(Noun("Yen", "Yen"), Noun("Sen", "Sen"))
CURRENCIES = {"€": _EURO, "EUR": _EURO, "Euro": _EURO, "$": _DOLLAR, "Dollar": _DOLLAR}
CURRENCIES |= {
    "US$": _DOLLAR,
    "USD": Currency(Noun("US-Dollar", "US-Dollar"), _CENT),
    "£": _POUND,
    "GBP": _POUND,
    "¥": _YEN,
    "JPY": _YEN,
}
CURRENCIES |= {"CHF": _FRANC, "Fr.": _FRANC, "Franken": Currency(Noun("Franken", "Franken"), Noun("Rappen", "Rappen"))}

_THOUSAND = Noun("tausend", "tausend", "n")
_MILLION, _MILLIARD = Noun("Million", "Millionen", "f"), Noun("Milliarde", "Milliarden", "f")
MULTIPLES = {"Tsd": _THOUSAND, "Mio": _MILLION, "Mrd": _MILLIARD, "Bio": Noun("Billion", "Billionen", "f")}
MULTIPLES |= {"Million": _MILLION, "Millionen": _MILLION, "Milliarde": _MILLIARD, "Milliarden": _MILLIARD}
MULTIPLES |= {"Tausend": _THOUSAND, "tausend": _THOUSAND}

SIGNS = {
    "^": "hoch",
    "<=": "höchstens",
    ">=": "mindestens",
    "!=": "ungleich",
    "->": "zu",
    "=>": "zu",
    "==": "gleich",
    "=": "gleich",
    "→": "zu",
    "⇒": "zu",
    "≤": "höchstens",
    "≥": "mindestens",
    "<": "kleiner als",
    ">": "größer als",
    "≠": "ungleich",
    "≈": "circa",
    "±": "plus minus",
    "×": "mal",
    "÷": "geteilt durch",
    "√": "Wurzel aus",
    "∞": "unendlich",
    "²": "Quadrat",
    "³": "hoch drei",
    "&": "und",
    "%": "Prozent",
    "‰": "Promille",
    "°": "Grad",
    "§§": "Paragrafen",
    "§": "Paragraf",
    "+": "plus",
}
SIGNS |= {"∛": "dritte Wurzel aus", "∑": "Summe", "∫": "Integral", "∈": "Element von"}
_LETTERS = (
    "Alpha Beta Gamma Delta Epsilon Zeta Eta Theta Jota Kappa Lambda My Ny Xi "
    "Omikron Pi Rho Sigma Tau Ypsilon Phi Chi Psi Omega"
)
GREEK = tuple(_LETTERS.split())
ADDRESS = {".": "Punkt", "-": "minus", "_": "Unterstrich", "+": "plus", "/": "Schrägstrich", "@": "ät"}

# Words that begin a sentence far more often than they follow an abbreviation or an ordinal.
STARTERS = word_set(
    "aber alle als also am an auch auf aus bei beide bis bitte da dabei dafür daher damals damit danach dann daran "
    "das dass dazu dein deine dem den denn der deshalb die dies diese dieser dieses doch dort du durch ein eine einem "
    "einen einer er es für gibt haben hast heute hier ich ihr im in insgesamt ist ja jede jeder jedes jetzt kann kein "
    "keine können man mein meine mit möchten nach nein nicht noch nun nur ob oder schließlich sehr seit sie sind so "
    "sobald sollen sonst soll trotzdem um und uns unter viele vielleicht vom von vor während wann war waren warum was "
    "weil welche wenn wer werden wie wir wird wo zu zuerst zudem zum zur zwar"
)

# Before an ordinal, what its ending goes by: -n after the first, -e after the second.
WEAK_N = word_set(
    "am im zum vom beim zur dem den des diesem diesen einem einen einer eines jedem jeden meinem meinen meiner meines "
    "seinem seinen seiner seines ihrem ihren ihrer ihres deinem deinen deiner unserem unseren unserer keinem keinen "
    "keiner hinterm vorm überm unterm"
)
WEAK_E = word_set("die das eine diese dieses jede jedes ins ans aufs fürs ums meine seine ihre deine unsere keine")
DER = word_set("der dieser jeder")
MIXED = word_set("ein kein mein dein sein ihr unser euer")
DETERMINERS = WEAK_N | WEAK_E | DER | MIXED
PREPOSITIONS = word_set("ab an auf aus bei bis in mit nach seit von vor zu zwischen")

# Nouns that follow a bare ordinal ("3. Platz"), by gender.
ORDINAL_MASCULINE = "Platz Stock Rang Tag Geburtstag Versuch Teil Schritt Satz Akt Weltkrieg Advent Feiertag Punkt FC"
ORDINAL_FEMININE = (
    "Etage Liga Klasse Runde Woche Stunde Minute Auflage Stufe Phase Staffel Folge Generation Hälfte Halbzeit Person "
    "Bundesliga Sinfonie Symphonie Reihe Spalte Frage Möglichkeit Option Lektion Ausgabe"
)
ORDINAL_NEUTER = (
    "Mal Jahr Jahrhundert Jahrtausend Kapitel Semester Quartal Halbjahr Stockwerk Obergeschoss Lebensjahr Spiel"
)

NEUTERS = word_set(
    "Jahr Kind Haus Mal Stück Glas Buch Prozent Bild Ei Wort Auto Zimmer Ticket Kilo Pfund Gramm Bier Brot Tier Spiel "
    "Konto Foto Video Lied Land Dorf Team Bett Hotel Problem Ergebnis Beispiel Feld Tor Paket Element Dokument "
    "Angebot Viertel Drittel Semester Quartal Kapitel Jahrhundert Wochenende Mädchen Gerät Licht Boot Pferd Museum "
    "Konzert Gigabyte Megabyte Watt Volt Grad Gericht Rezept Blatt Fahrrad Flugzeug Schiff Telefon Handy Netz Ziel"
)
MASCULINES_IN_E = word_set("Junge Kunde Kollege Name Neffe Löwe Hase Affe Buchstabe Gedanke Zeuge Franzose Deutsche")
FEMININES = word_set(
    "Zwiebel Nudel Paprika Mango "
    "Person Nacht Stadt Frau Hand Million Milliarde Tonne Zahl Mail E-Mail Uhr Art App Datei Antwort Arbeit Bank "
    "Firma Tür Wand Maus Kuh Gabel Kartoffel Schwester Tochter Mutter Nummer Steuer Oper Feder Leiter Schulter Insel "
    "Regel Tafel Formel"
)
FEMININE_ENDINGS = ("ung", "heit", "keit", "schaft", "tät", "ion", "in", "ei", "ik", "ur", "e")
NEUTER_ENDINGS = ("chen", "lein", "um", "ment")
# After such a noun a number is its name: "Platz 1".
LABELS = word_set(
    "Nummer Platz Kapitel Seite Teil Gleis Zimmer Punkt Schritt Stufe Version Klasse Phase Band Artikel Paragraf Liga "
    "Absatz Bild Aufgabe Frage Option Linie Bus Tor Raum Übung Lektion Runde Gruppe Formel Abbildung Tabelle Level"
)

KINGS = (
    "Ludwig|Heinrich|Friedrich|Wilhelm|Karl|Otto|Philipp|Georg|Leopold|Ferdinand|Franz|Maximilian|Rudolf|Johannes"
    "|Paul|Benedikt|Pius|Napoleon|Alexander|Nikolaus|Peter|Leo|Konrad|Albrecht|Richard|Eduard|Jakob|Gustav"
    "|Christian|Joseph|Edward|James|Charles|Ramses|Innozenz|Gregor|Urban|Clemens|Franziskus|Harald|Albert"
)
QUEENS = "Elisabeth|Katharina|Maria|Margarethe|Margrethe|Beatrix|Isabella|Elizabeth"
NUMBERED_BY_ROMAN = "Kapitel|Band|Teil|Akt|Szene|Buch|Abschnitt|Klasse|Stufe|Phase|Typ|Gruppe|Anhang"
