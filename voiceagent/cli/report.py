"""`voiceagent report`: a file of turns as one page, with the waterfall of each."""

from pathlib import Path

import click


@click.command()
@click.argument("file", type=click.Path(path_type=Path, dir_okay=False))
@click.option(
    "--output",
    "-o",
    type=click.Path(path_type=Path, dir_okay=False),
    metavar="PAGE",
    help="Where the page goes (default: beside FILE, with the ending .html).",
)
@click.option("--session", metavar="ID", help="Only the turns of this session.")
def report(file: Path, output: Path | None, session: str | None) -> None:
    """Turn FILE, the turns that a server wrote (trace.jsonl), into a page of HTML: where the time of each went."""
    from voiceagent.trace.report import TurnsError, page, read_turns

    turns, skipped = read_turns(file)
    if session is not None:
        turns = [turn for turn in turns if turn.session == session]
        if not turns:
            raise TurnsError(f"{file} has no turns of session {session}; the page without --session names all.")
    target = output or file.with_suffix(".html")
    try:
        target.write_text(page(turns, file.name, skipped), encoding="utf-8", errors="replace")
    except OSError as error:
        raise TurnsError(f"{target} cannot be written ({error.strerror}); name another with --output.") from error
    click.echo(f"{len(turns)} turns: {target}")
