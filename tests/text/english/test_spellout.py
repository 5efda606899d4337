import pytest

from voiceagent.text.english.number_words import cardinal, ordinal, year
from voiceagent.text.english.spellout import spell_out


@pytest.mark.parametrize(
    ("written", "said"),
    [
        ("0, 7, 12, 40, 99", "zero, seven, twelve, forty, ninety-nine"),
        (
            "1,234,567 and 1000001",
            "one million two hundred thirty-four thousand five hundred sixty-seven and one million one",
        ),
        ("3.14 and .5", "three point one four and zero point five"),
        ("007", "zero zero seven"),
        ("12345678901234567", "one two three four five six seven eight nine zero one two three four five six seven"),
        (
            "in 1985, 1900, 1905, 2000, 2024",
            "in nineteen eighty-five, nineteen hundred, nineteen oh five, two thousand, twenty twenty-four",
        ),
        ("1st, 2nd, 3rd, 12th, 20th, 101st", "first, second, third, twelfth, twentieth, one hundred first"),
        (
            "the 1990s, '90s, 1800s, 2010s and 60s",
            "the nineteen nineties, nineties, eighteen hundreds, twenty tens and sixties",
        ),
        ("-5 and 2-3 or 9–5", "minus five and two to three or nine to five"),
        ("Call 911 or 555-1234.", "Call nine one one or five five five, one two three four."),
        ("+1 (555) 123-4567", "plus one, five five five, one two three, four five six seven"),
        ("123-45-6789", "one two three, four five, six seven eight nine"),
        ("v2.0.1 on 10.0.0.1", "version two point zero point one on ten dot zero dot zero dot one"),
        ("v2", "version two"),
        ("No. 5, #1, #4521, nos. 2", "number five, number one, number four five two one, nos. two"),
        (
            "COVID-19, GPT-4, 5G, BA2490, H₂O",
            "COVID nineteen, GPT four, five G, BA two thousand four hundred ninety, H two O",
        ),
        ("100k, 2.5M, 50K, 4K, 2x", "one hundred thousand, two point five million, fifty thousand, four K, two times"),
    ],
)
def test_numbers(written: str, said: str) -> None:
    assert spell_out(written) == said


@pytest.mark.parametrize(
    ("written", "said"),
    [
        ("$1,234.56", "one thousand two hundred thirty-four dollars and fifty-six cents"),
        (
            "$1, $1.01, $0.50, $5.00, $2.5",
            "one dollar, one dollar and one cent, fifty cents, five dollars, two point five dollars",
        ),
        ("-$5, £3.50, €20–30/day", "minus five dollars, three pounds and fifty pence, twenty to thirty euros per day"),
        ("$5M, $1.5 billion, £20k", "five million dollars, one point five billion dollars, twenty thousand pounds"),
        ("20 EUR, 5€", "twenty euros, five euros"),
        ("50%, 20-30%", "fifty percent, twenty to thirty percent"),
    ],
)
def test_money_and_percentages(written: str, said: str) -> None:
    assert spell_out(written) == said


@pytest.mark.parametrize(
    ("written", "said"),
    [
        ("2024-05-12", "May twelfth, twenty twenty-four"),
        (
            "12/25/2024, 25/12/99",
            "December twenty-fifth, twenty twenty-four, December twenty-fifth, nineteen ninety-nine",
        ),
        ("2024-15-40", "two zero two four, one five, four zero"),
        ("13/13/2024", "thirteen/thirteen/twenty twenty-four"),
        ("May 5, 2023; Oct. 3rd; Sept 1", "May fifth, twenty twenty-three; October third; September first"),
        ("5 May 2023, the 3rd of June", "the fifth of May, twenty twenty-three, the third of June"),
        ("May 55 and 45 May", "May fifty-five and forty-five May"),
        ("7:30 pm, 7:05 a.m., 9am", "seven thirty PM, seven oh five AM, nine AM"),
        ("12:00, 15:00, 3:45:01", "twelve o'clock, fifteen hundred, three forty-five and one second"),
        ("10am-5pm", "ten AM to five PM"),
        ("16:9", "sixteen to nine"),
        ("at 7 p.m. we, at 7 p.m. Then, at 7 p.m.", "at seven PM we, at seven PM. Then, at seven PM."),
    ],
)
def test_dates_and_times(written: str, said: str) -> None:
    assert spell_out(written) == said


@pytest.mark.parametrize(
    ("written", "said"),
    [
        (
            "1 km, 5 km, 60 km/h, 3 GB/day",
            "one kilometer, five kilometers, sixty kilometers per hour, three gigabytes per day",
        ),
        (
            "-3°C, 72 °F, 90°, 21 ℃",
            "minus three degrees Celsius, seventy-two degrees Fahrenheit, ninety degrees, twenty-one degrees Celsius",
        ),
        ("12 oz. of, 5 km. Then, 2 lbs.", "twelve ounces of, five kilometers. Then, two pounds."),
        ("5'10\"", "five foot ten"),
        (
            "1/2, 3/4, 5/2, 2 1/2, 1½, 7/10",
            "one half, three quarters, five slash two, two and one half, one and one half, seven out of ten",
        ),
        ("24/7, 50/50, 5/16, 3/14", "twenty-four seven, fifty fifty, five sixteenths, March fourteenth"),
        (
            "5 * 3, 5 x 3, 4x4, 5 - 3 = 2",
            "five times three, five times three, four by four, five minus three equals two",
        ),
        ("~90 min, ~$5, x<5 km", "about ninety minutes, about five dollars, x less than five kilometers"),
        ("x^2 + y^3 ≤ 10^n", "x squared plus y cubed at most ten to the power of n"),
        ("a < b > c, √2, ~5, A → B", "a less than b greater than c, the square root of two, about five, A to B"),
    ],
)
def test_measures_and_arithmetic(written: str, said: str) -> None:
    assert spell_out(written) == said


@pytest.mark.parametrize(
    ("written", "said"),
    [
        ("Dr. Smith vs. Mr. Jones", "Doctor Smith versus Mister Jones"),
        ("e.g. this, i.e. that, etc.", "for example this, that is that, et cetera."),
        ("pies, etc., and Acme Inc. makes", "pies, et cetera, and Acme Incorporated makes"),
        ("on Main St. we; St. Peter", "on Main Street we; Saint Peter"),
        ("w/o tea, w/ milk", "without tea, with milk"),
        ("AT&T, C++, C#", "AT and T, C plus plus, C sharp"),
        (
            "Henry VIII, World War II, The IV, George I, Part XIX, Malcolm X, Plan IIII",
            "Henry the eighth, World War two, The IV, George I, Part nineteen, Malcolm X, Plan IIII",
        ),
        ("U.S. and NASA stay.", "U.S. and NASA stay."),
    ],
)
def test_abbreviations(written: str, said: str) -> None:
    assert spell_out(written) == said


def test_number_words() -> None:
    assert cardinal(10**15) == "one" + " zero" * 15
    assert ordinal(8) == "eighth"
    assert year(1066) == "ten sixty-six"
