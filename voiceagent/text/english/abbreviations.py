"""English abbreviations that are written with a full stop: how they are read, and whether they may end a sentence.

Shared by the segmenter (a full stop after one of these does not by itself end a sentence) and by `spell_out`.
"""

# Always followed by what they belong to: a full stop after one never ends a sentence.
LEADING = {
    "Mr": "Mister",
    "Mrs": "Missus",
    "Ms": "Miz",
    "Messrs": "Messieurs",
    "Dr": "Doctor",
    "Prof": "Professor",
    "Rev": "Reverend",
    "Hon": "Honorable",
    "Gen": "General",
    "Col": "Colonel",
    "Maj": "Major",
    "Capt": "Captain",
    "Lt": "Lieutenant",
    "Sgt": "Sergeant",
    "Gov": "Governor",
    "Sen": "Senator",
    "Rep": "Representative",
    "Pres": "President",
    "Mt": "Mount",
    "Ft": "Fort",
    "e.g": "for example",
    "eg": "for example",
    "i.e": "that is",
    "cf": "compare",
    "vs": "versus",
    "approx": "approximately",
    "fig": "figure",
    "Fig": "Figure",
    "vol": "volume",
    "Vol": "Volume",
    "ch": "chapter",
    "Ch": "Chapter",
    "pp": "pages",
    "ca": "circa",
}

# May occur inside a sentence or end one.
TRAILING = {
    "etc": "et cetera",
    "Jr": "Junior",
    "Sr": "Senior",
    "Inc": "Incorporated",
    "Ltd": "Limited",
    "Corp": "Corporation",
    "Co": "Company",
    "Bros": "Brothers",
    "Dept": "Department",
    "dept": "department",
    "Govt": "Government",
    "Univ": "University",
    "Ave": "Avenue",
    "Blvd": "Boulevard",
    "Rd": "Road",
    "Hwy": "Highway",
    "Apt": "Apartment",
    "Bldg": "Building",
    "est": "established",
    "Jan": "January",
    "Feb": "February",
    "Aug": "August",
    "Sep": "September",
    "Sept": "September",
    "Oct": "October",
    "Nov": "November",
    "Dec": "December",
    "Tue": "Tuesday",
    "Tues": "Tuesday",
    "Thu": "Thursday",
    "Thurs": "Thursday",
    "Fri": "Friday",
}

# Read by the words around them; here because their full stop may not end a sentence.
_OTHERS = "St al Ph.D Mon Wed Sat Mar Apr Jun Jul hr hrs min mins sec secs ft lb lbs oz"
OTHER_TRAILING = frozenset(_OTHERS.split())

# Words that begin a sentence far more often than they follow an abbreviation.
_STARTERS = (
    "a also an and are as at but can could did do does every for from he her here his how however i if in is it "
    "let many my no now on one or our please she should so some that the their then there these they this those "
    "to was we what when where which who why will with would yes yet you your"
)
STARTERS = frozenset(_STARTERS.split())
