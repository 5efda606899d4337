"""Spanish tables: abbreviations, units, currencies, signs, and the words that readings and sentences go by."""

from voiceagent.text.reader import Currency, Noun, word_set

LEADING = {
    "Sr": "señor",
    "Sra": "señora",
    "Srta": "señorita",
    "Sres": "señores",
    "Dr": "doctor",
    "Dra": "doctora",
    "Prof": "profesor",
    "Profa": "profesora",
    "Lic": "licenciado",
    "Ing": "ingeniero",
    "Arq": "arquitecto",
    "Gral": "general",
    "Dña": "doña",
    "Sto": "santo",
    "Sta": "santa",
    "Avda": "avenida",
    "Av": "avenida",
    "Tel": "teléfono",
    "tel": "teléfono",
    "Tfno": "teléfono",
    "aprox": "aproximadamente",
    "máx": "máximo",
    "mín": "mínimo",
    "p.ej": "por ejemplo",
    "P.ej": "Por ejemplo",
    "Excmo": "excelentísimo",
    "Ilmo": "ilustrísimo",
}
# Abbreviations only before a number.
NUMBERED = {"núm.": "número", "Núm.": "Número", "n.º": "número", "N.º": "Número", "nº": "número", "Nº": "Número"}
NUMBERED |= {
    "n.o": "número",
    "No.": "Número",
    "Nro.": "Número",
    "nro.": "número",
    "pág.": "página",
    "págs.": "páginas",
    "cap.": "capítulo",
    "p.": "página",
}
NUMBERED |= {"vol.": "volumen", "art.": "artículo", "fig.": "figura", "pp.": "páginas"}
TRAILING = {
    "etc": "etcétera",
    "Ud": "usted",
    "Uds": "ustedes",
    "Vd": "usted",
    "Vds": "ustedes",
    "EE.UU": "Estados Unidos",
    "JJ.OO": "Juegos Olímpicos",
    "RR.HH": "Recursos Humanos",
    "FF.AA": "Fuerzas Armadas",
    "a.C": "antes de Cristo",
    "d.C": "después de Cristo",
    "S.A": "sociedad anónima",
    "S.L": "sociedad limitada",
    "Cía": "compañía",
    "Jr": "júnior",
    "izq": "izquierda",
    "dcha": "derecha",
    "ene": "enero",
    "feb": "febrero",
    "abr": "abril",
    "jun": "junio",
    "jul": "julio",
    "ago": "agosto",
    "sept": "septiembre",
    "oct": "octubre",
    "nov": "noviembre",
    "dic": "diciembre",
    "lun": "lunes",
    "mié": "miércoles",
    "jue": "jueves",
    "vie": "viernes",
    "sáb": "sábado",
    "dom": "domingo",
}

_YEAR = "enero febrero marzo abril mayo junio julio agosto septiembre octubre noviembre diciembre"
MONTHS = tuple(_YEAR.split())

UNITS = {
    "mm": Noun("milímetro", "milímetros"),
    "cm": Noun("centímetro", "centímetros"),
    "m": Noun("metro", "metros"),
    "km": Noun("kilómetro", "kilómetros"),
    "m²": Noun("metro cuadrado", "metros cuadrados"),
    "cm²": Noun("centímetro cuadrado", "centímetros cuadrados"),
    "km²": Noun("kilómetro cuadrado", "kilómetros cuadrados"),
    "m³": Noun("metro cúbico", "metros cúbicos"),
    "ha": Noun("hectárea", "hectáreas", "f"),
    "km/h": Noun("kilómetro por hora", "kilómetros por hora"),
    "m/s": Noun("metro por segundo", "metros por segundo"),
    "mi": Noun("milla", "millas", "f"),
    "mg": Noun("miligramo", "miligramos"),
    "μg": Noun("microgramo", "microgramos"),
    "g": Noun("gramo", "gramos"),
    "gr": Noun("gramo", "gramos"),
    "kg": Noun("kilogramo", "kilogramos"),
    "t": Noun("tonelada", "toneladas", "f"),
    "lb": Noun("libra", "libras", "f"),
    "oz": Noun("onza", "onzas", "f"),
    "ml": Noun("mililitro", "mililitros"),
    "cl": Noun("centilitro", "centilitros"),
    "l": Noun("litro", "litros"),
    "L": Noun("litro", "litros"),
    "ms": Noun("milisegundo", "milisegundos"),
    "s": Noun("segundo", "segundos"),
    "seg": Noun("segundo", "segundos"),
    "seg.": Noun("segundo", "segundos"),
    "min": Noun("minuto", "minutos"),
    "min.": Noun("minuto", "minutos"),
    "h": Noun("hora", "horas", "f"),
    "hrs": Noun("hora", "horas", "f"),
    "kWh": Noun("kilovatio hora", "kilovatios hora"),
    "kW": Noun("kilovatio", "kilovatios"),
    "W": Noun("vatio", "vatios"),
    "V": Noun("voltio", "voltios"),
    "mAh": Noun("miliamperio hora", "miliamperios hora"),
    "CV": Noun("caballo", "caballos"),
    "Hz": Noun("hercio", "hercios"),
    "kHz": Noun("kilohercio", "kilohercios"),
    "MHz": Noun("megahercio", "megahercios"),
    "GHz": Noun("gigahercio", "gigahercios"),
    "KB": Noun("kilobyte", "kilobytes"),
    "kB": Noun("kilobyte", "kilobytes"),
    "MB": Noun("megabyte", "megabytes"),
    "GB": Noun("gigabyte", "gigabytes"),
    "TB": Noun("terabyte", "terabytes"),
    "Mbps": Noun("megabit por segundo", "megabits por segundo"),
    "Mb/s": Noun("megabit por segundo", "megabits por segundo"),
    "kcal": Noun("kilocaloría", "kilocalorías", "f"),
    "°C": Noun("grado Celsius", "grados Celsius"),
    "°F": Noun("grado Fahrenheit", "grados Fahrenheit"),
    "°": Noun("grado", "grados"),
    "cts": Noun("céntimo", "céntimos"),
    "cts.": Noun("céntimo", "céntimos"),
    "%": Noun("por ciento", "por ciento", ""),
    "‰": Noun("por mil", "por mil", ""),
}

_CENTIMO, _CENTAVO = Noun("céntimo", "céntimos"), Noun("centavo", "centavos")
_EURO = Currency(Noun("euro", "euros"), _CENTIMO)
_DOLLAR = Currency(Noun("dólar", "dólares"), _CENTAVO)
_POUND = Currency(Noun("libra", "libras", "f"), Noun("penique", "peniques"))
_PESO = Currency(Noun("peso", "pesos"), _CENTAVO)
_YEN = Currency(Noun("yen", "yenes"), Noun("sen", "sen"))
CURRENCIES = {"€": _EURO, "EUR": _EURO, "euro": _EURO, "euros": _EURO, "$": _DOLLAR, "US$": _DOLLAR, "USD": _DOLLAR}
CURRENCIES |= {
    "dólar": _DOLLAR,
    "dólares": _DOLLAR,
    "£": _POUND,
    "GBP": _POUND,
    "libras": _POUND,
    "¥": _YEN,
    "JPY": _YEN,
}
CURRENCIES |= {"MXN": Currency(Noun("peso mexicano", "pesos mexicanos"), _CENTAVO), "peso": _PESO, "pesos": _PESO}
CURRENCIES |= {"CHF": Currency(Noun("franco suizo", "francos suizos"), Noun("céntimo", "céntimos"))}

_MILLION, _BILLION = Noun("millón", "millones"), Noun("billón", "billones")
MULTIPLES = {"mil": Noun("mil", "mil"), "M": _MILLION, "mill": _MILLION, "millón": _MILLION, "millones": _MILLION}
MULTIPLES |= {"billón": _BILLION, "billones": _BILLION}

SIGNS = {
    "^": "elevado a",
    "<=": "como máximo",
    ">=": "como mínimo",
    "!=": "es distinto de",
    "->": "a",
    "=>": "a",
    "==": "es igual a",
    "=": "es igual a",
    "→": "a",
    "⇒": "a",
    "≤": "como máximo",
    "≥": "como mínimo",
    "<": "menor que",
    ">": "mayor que",
    "≠": "es distinto de",
    "≈": "aproximadamente",
    "±": "más o menos",
    "×": "por",
    "÷": "entre",
    "√": "raíz cuadrada de",
    "∞": "infinito",
    "²": "al cuadrado",
    "³": "al cubo",
    "&": "y",
    "%": "por ciento",
    "‰": "por mil",
    "°": "grados",
    "§": "sección",
    "+": "más",
}
SIGNS |= {"∛": "raíz cúbica de", "∑": "suma", "∫": "integral", "∈": "pertenece a"}
_LETTERS = (
    "alfa beta gamma delta épsilon zeta eta theta iota kappa lambda mi ni xi "
    "ómicron pi ro sigma tau ípsilon fi ji psi omega"
)
GREEK = tuple(_LETTERS.split())
ADDRESS = {".": "punto", "-": "guion", "_": "guion bajo", "+": "más", "/": "barra", "@": "arroba"}

# Words that begin a sentence far more often than they follow an abbreviation.
STARTERS = word_set(
    "a además ahora al algunos antes así aunque aquí cada como con cuando cuál cuándo cómo de desde después donde "
    "dónde e el ella ellos en entonces es esa ese eso esta estas este esto estos está están fue gracias hay hoy la "
    "las le lo los luego mañana me mi mientras muchos no nos nosotros o otra otro para pero podemos por porque "
    "primero puede puedes pues que qué quién se ser si sin sobre solo son su sus sí también tal tan tiene tienes todo "
    "todos tu tus tú un una unos usted ustedes y ya yo"
)

# What a number does not count, though it is followed by it.
NO_NOUNS = STARTERS | word_set(
    "del e o u ni era eran fueron estaba estaban será sería han ha más menos entre hasta hacia según contra durante "
    "mediante vs ante bajo tras cuesta cuestan vale valen tenemos tengo comienza empieza termina incluye contiene "
    "cual cuales donde quien"
)
FEMININE = word_set(
    "vez veces noche noches clase clases mujer mujeres llave llaves nube nubes parte partes calle calles tarde tardes "
    "gente flor flores luz luces voz voces red redes foto fotos moto motos mano manos ley leyes imagen imágenes serie "
    "series fuente fuentes sal leche muerte suerte base bases fase fases frase frases torre torres nave naves llamada "
    "llamadas pared paredes crisis tesis dosis orden órdenes"
)
MASCULINE = word_set(
    "día días mapa mapas problema problemas programa programas tema temas sistema sistemas idioma idiomas planeta "
    "planetas poema poemas clima climas drama dramas cometa sofá sofás equipo artista futbolista turista turistas "
    "policía policías atleta atletas dálmatas guardia camión camiones avión aviones"
)
FEMININE_ENDINGS = ("a", "as", "ción", "ciones", "sión", "siones", "dad", "dades", "tud", "tudes", "umbre", "umbres")
MASCULINE_ENDINGS = ("ista", "istas", "nauta", "nautas")
ADJECTIVES = word_set("mejores grandes principales primeras últimas primeros últimos nuevas nuevos buenas buenos")

KINGS = (
    "Felipe|Alfonso|Carlos|Fernando|Juan|Luis|Enrique|Pedro|Sancho|Jaime|Napoleón|Guillermo|Federico|Jorge"
    "|Eduardo|Juan Pablo|Benedicto|Pío|León|Gregorio|Inocencio|Clemente|Ramsés|Alejandro|Nicolás|Ricardo|Jacobo"
    "|Francisco|Maximiliano"
)
QUEENS = "Isabel|Catalina|María|Juana|Cristina|Margarita"
# Followed by a numeral that counts ("capítulo IV"), or followed by one up to ten as a rank ("siglo V").
NUMBERED_BY_ROMAN = (
    "capítulo|tomo|volumen|título|libro|acto|escena|parte|fase|tipo|grupo|nivel|anexo|artículo|apartado|unidad"
)
RANKED_FEMININE = "Guerra|República|Edición|Conferencia|Cumbre|Feria|Bienal|Copa|Internacional|Jornadas?"
RANKED_MASCULINE = "Congreso|Aniversario|Concurso|Festival|Encuentro|Foro|Premio|Plan|Simposio|Concilio|Imperio|Torneo"
