"""What is written and what is said, row by row, from the tables in `cases/`."""

from pathlib import Path

CASES = Path(__file__).parent / "cases"


def reading_cases(name: str) -> list[tuple[str, str]]:
    """Return (written, said) for each row of a language's table: two columns, a tab between; "#" begins a remark."""
    rows = [line.split("\t") for line in (CASES / f"{name}.tsv").read_text().splitlines() if line and line[0] != "#"]
    return [(written, said) for written, said in rows]
