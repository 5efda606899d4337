"""English names of currencies: plain tables for `money`."""

_CENTS = ("cent", "cents")

# sign: (one, many, one hundredth, many hundredths)
CURRENCIES = {
    "$": ("dollar", "dollars", *_CENTS),
    "€": ("euro", "euros", *_CENTS),
    "£": ("pound", "pounds", "penny", "pence"),
    "¥": ("yen", "yen", "sen", "sen"),
    "₹": ("rupee", "rupees", "paisa", "paise"),
    "₩": ("won", "won", "jeon", "jeon"),
    "₽": ("ruble", "rubles", "kopeck", "kopecks"),
    "₺": ("lira", "liras", "kurus", "kurus"),
    "₴": ("hryvnia", "hryvnias", "kopiyka", "kopiykas"),
    "₪": ("shekel", "shekels", "agora", "agorot"),
    "₱": ("peso", "pesos", "centavo", "centavos"),
    "₫": ("dong", "dong", "xu", "xu"),
    "₦": ("naira", "naira", "kobo", "kobo"),
    "฿": ("baht", "baht", "satang", "satang"),
    "₿": ("bitcoin", "bitcoins", "hundredth of a bitcoin", "hundredths of a bitcoin"),
    "CHF": ("Swiss franc", "Swiss francs", "centime", "centimes"),
    "CNY": ("yuan", "yuan", "fen", "fen"),
    "SEK": ("Swedish krona", "Swedish kronor", "ore", "ore"),
    "NOK": ("Norwegian krone", "Norwegian kroner", "ore", "ore"),
    "DKK": ("Danish krone", "Danish kroner", "ore", "ore"),
    "PLN": ("zloty", "zlotys", "grosz", "groszy"),
    "CZK": ("Czech koruna", "Czech korunas", "haler", "halers"),
    "HUF": ("forint", "forints", "filler", "fillers"),
    "ZAR": ("rand", "rand", *_CENTS),
    "AED": ("dirham", "dirhams", "fils", "fils"),
    "BRL": ("real", "reais", "centavo", "centavos"),
    "Rs": ("rupee", "rupees", "paisa", "paise"),
}
_DOLLARS = {
    "US": "US",
    "A": "Australian",
    "AU": "Australian",
    "C": "Canadian",
    "CA": "Canadian",
    "HK": "Hong Kong",
    "NZ": "New Zealand",
    "S": "Singapore",
    "SG": "Singapore",
    "NT": "New Taiwan",
    "J": "Jamaican",
    "TT": "Trinidad and Tobago",
}
CURRENCIES |= {f"{area}$": (f"{name} dollar", f"{name} dollars", *_CENTS) for area, name in _DOLLARS.items()}
CURRENCIES |= {"R$": CURRENCIES["BRL"], "MX$": ("Mexican peso", "Mexican pesos", "centavo", "centavos")}
CURRENCIES |= {"CN¥": CURRENCIES["CNY"], "JP¥": CURRENCIES["¥"]}
CURRENCIES |= {"E£": ("Egyptian pound", "Egyptian pounds", "piaster", "piasters")}

# ISO 4217: the sign whose names they share. Alone, "$" is what the listener calls a dollar.
CURRENCY_CODES = {"USD": "$", "EUR": "€", "GBP": "£", "JPY": "¥", "INR": "₹", "KRW": "₩", "RUB": "₽", "TRY": "₺"}
CURRENCY_CODES |= {"AUD": "A$", "CAD": "C$", "HKD": "HK$", "NZD": "NZ$", "SGD": "S$", "MXN": "MX$", "TWD": "NT$"}
CURRENCY_CODES |= {"UAH": "₴", "ILS": "₪", "PHP": "₱", "THB": "฿", "BTC": "₿", "RMB": "CNY"}
CURRENCY_CODES |= {code: code for code in CURRENCIES if code.isupper() and len(code) == 3 and code.isalpha()}

MULTIPLES = {"k": "thousand", "K": "thousand", "m": "million", "M": "million", "b": "billion", "B": "billion"}
MULTIPLES |= {"mn": "million", "bn": "billion", "tn": "trillion", "T": "trillion"}
MULTIPLES |= {word: word for word in ("hundred", "thousand", "million", "billion", "trillion")}
