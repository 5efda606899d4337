"""`voiceagent calibrate`: measure what every step costs on this machine, so that the first call is scheduled well."""

import time
from pathlib import Path
from typing import TYPE_CHECKING

import click

from voiceagent.cli.options import with_settings

if TYPE_CHECKING:
    from voiceagent.config import Loaded

SECONDS = 60.0
"""Enough for dozens of the longest steps of small models; slow machines take longer, since no round is cut short."""


@click.command()
@click.option(
    "-o",
    "--output",
    type=click.Path(path_type=Path, dir_okay=False),
    help="The file to write; by default the one of this device, where `serve` finds it.",
)
@click.option(
    "--seconds",
    type=click.FloatRange(min=0.0, max=3600.0),
    default=SECONDS,
    show_default=True,
    help="About how long to measure, once everything is loaded.",
)
@with_settings
def calibrate(loaded: "Loaded", output: Path | None, seconds: float) -> None:
    """Measure what the steps of the models cost on this machine, and keep it. Nothing else should run meanwhile."""
    from voiceagent.app.calibration.files import default_place, keep, require_place
    from voiceagent.app.calibration.lookup import device_name
    from voiceagent.app.calibration.measure import calibrate as measure
    from voiceagent.app.calibration.report import report
    from voiceagent.app.capacity.callers import capacity_in_words
    from voiceagent.app.capacity.memory_plan import require_room
    from voiceagent.app.specs import gpus_for

    gpus = gpus_for(loaded.settings)
    device = device_name(gpus)
    path = output or default_place(device)
    require_place(path, device)
    require_room(loaded.settings, gpus)
    began = time.monotonic()

    def tell(now: str) -> None:
        click.echo(f"{time.monotonic() - began:4.0f} s  {now}", err=True)

    calibration = measure(loaded.settings, gpus, seconds, tell)
    keep(path, device, calibration)
    click.echo(f"{report(calibration)}\n")
    click.echo(capacity_in_words(loaded.settings, calibration.cost_model(), has_gpu=bool(gpus)))
    click.echo(f"{device}: {path}")
