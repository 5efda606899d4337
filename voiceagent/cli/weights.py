"""`voiceagent weights list|pull|verify`: the pinned model files on this machine.

Exit codes: 0 all well, 1 a file is missing, damaged or could not be fetched, 2 the command was not understood.
A WeightsError is left to the entry point, which prints it.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from voiceagent.cli.progress import Terminal

if TYPE_CHECKING:
    from voiceagent.weights import Model, Store

folder_option = click.option(
    "--dir",
    "root",
    type=click.Path(file_okay=False, path_type=Path),
    help="Where the files are. Default: $VOICEAGENT_WEIGHTS_DIR, else weights/ of the checkout, else the user's cache.",
)
names_argument = click.argument("names", nargs=-1, metavar="[NAME]...")


@click.group()
def weights() -> None:
    """See, fetch and verify the model files."""


@weights.command("list")
@folder_option
def list_models(root: Path | None) -> None:
    """Show every model: what it is for, how large it is, and whether it is here."""
    store = _store(root)
    rows = [("MODEL", "ROLE", "ENGINE", "SIZE", "LICENCE", "STATE")]
    for model in store.manifest.models.values():
        name = f"{model.name} *" if model.default else model.name
        rows.append((name, model.role, model.engine, _size(model), model.licence, _state(store, model)))
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    for row in rows:
        click.echo("  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip())
    click.echo(f"\n* the embedded default, which `voiceagent weights pull` fetches    files: {store.root}")
    for model in store.manifest.models.values():
        for file in model.files:
            own, place = store.own(model, file), store.locate(model, file)
            if place == own and own.is_symlink() and own.exists():
                place = own.readlink()
            if place != own:  # in the Hugging Face cache
                click.echo(f"{model.name}/{file.name} is used in place: {place}")


@weights.command("pull")
@names_argument
@click.option(
    "--from",
    "source",
    type=click.Path(file_okay=False, path_type=Path),
    help="Take everything from this folder (the files, or the wheels that contain them) and use no network.",
)
@folder_option
def pull_models(names: tuple[str, ...], source: Path | None, root: Path | None) -> None:
    """Fetch models and verify them; without NAME, the embedded default.

    What the Hugging Face cache has is used in place. An interrupted transfer resumes where it stopped. Gated models
    need a token in HF_TOKEN, or that of `hf auth login`.
    """
    from voiceagent.weights.pull import pull

    store = _store(root)
    chosen = _known(store, names) or store.manifest.defaults()
    pull(store, chosen, folder=source, reporter=Terminal())
    click.echo(f"{', '.join(chosen)}: all files are in {store.root}")


@weights.command("verify")
@names_argument
@folder_option
def verify_models(names: tuple[str, ...], root: Path | None) -> None:
    """Read every file and compare its hash; without NAME, of all models that are here."""
    from voiceagent.weights import FileState, WeightsError
    from voiceagent.weights.progress import checking

    store = _store(root)
    models = [store.manifest.model(name) for name in _known(store, names)] or [
        model for model in store.manifest.models.values() if _state(store, model) != "absent"
    ]
    if not models:
        raise click.ClickException(f"{store.root} holds no model: run `voiceagent weights pull`")
    bad = 0
    for model in models:
        for file in model.files:
            verdict = "verified"
            try:
                with checking(Terminal(), f"{model.name}/{file.name}", file.size) as advance:
                    if store.state(model, file) is FileState.ABSENT:
                        raise WeightsError(f"is not here: run `voiceagent weights pull {model.name}`")
                    sha256 = store.verify(model, file, advance)
                if file.sha256 is None:
                    verdict = f"no hash is pinned for it; its sha256 is {sha256}"
            except WeightsError as error:
                bad += 1
                verdict = str(error)
            click.echo(f"{model.name}/{file.name}: {verdict}")
    if bad:
        raise click.exceptions.Exit(1)


def _store(root: Path | None) -> Store:
    from voiceagent.weights import Store

    return Store(root)


def _known(store: Store, names: tuple[str, ...]) -> list[str]:
    from voiceagent.weights import WeightsError

    try:
        return [store.manifest.model(name).name for name in names]
    except WeightsError as error:
        raise click.UsageError(str(error)) from error


def _size(model: Model) -> str:
    about = "" if all(file.exact for file in model.files) else "~"
    return f"{about}{model.size / 1e6:,.1f} MB" if model.size < 1e9 else f"{about}{model.size / 1e9:,.1f} GB"


def _state(store: Store, model: Model) -> str:
    """Return the worst state among the model's files, in a word or two."""
    from voiceagent.weights import FileState

    states = [store.state(model, file) for file in model.files]
    here = sum(state is not FileState.ABSENT for state in states)
    if 0 < here < len(states):
        return f"incomplete ({here} of {len(states)} files)"
    worst = next(state for state in FileState if state in states)
    return f"here, {worst}" if worst in (FileState.UNVERIFIED, FileState.UNPINNED) else str(worst)
