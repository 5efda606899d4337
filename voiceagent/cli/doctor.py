"""`voiceagent doctor`: is this machine ready for these settings, and what would fix it?

Exit codes: 0 no problem (there may be warnings), 1 there is a problem, 2 the command was not understood.
"""

from typing import TYPE_CHECKING

import click

from voiceagent.cli.options import with_settings

if TYPE_CHECKING:
    from voiceagent.app.doctor import Finding
    from voiceagent.config import Loaded
    from voiceagent.scheduler.memory import Plan

COLOURS = {"ok": "green", "skipped": "blue", "warning": "yellow", "problem": "red"}
INDENT = 21


@click.command()
@click.option("--json", "as_json", is_flag=True, help="Print everything as JSON.")
@click.option("--gpu", is_flag=True, help="Try the GPU with small models: takes a minute or two.")
@click.option("--sound", is_flag=True, help="Play a short sweep at this machine, and measure its echo.")
@with_settings
def doctor(loaded: "Loaded", as_json: bool, gpu: bool, sound: bool) -> None:
    """Check this machine against the settings and suggest fixes."""
    from voiceagent.app.doctor import Verdict, checkup, try_gpus

    findings, plan = checkup(loaded.settings, sweep=sound)
    if not as_json:
        click.echo("\n".join([*map(_line, findings), "", plan.table(), *([""] if gpu else [])]))
    for finding in try_gpus(loaded.settings) if gpu else ():
        findings.append(finding)
        if not as_json:
            click.echo(_line(finding))
    if as_json:
        click.echo(_json(findings, plan))
    if any(finding.verdict is Verdict.PROBLEM for finding in findings):
        raise click.exceptions.Exit(1)


def _line(finding: "Finding") -> str:
    verdict = click.style(f"{finding.verdict:<8}", fg=COLOURS[finding.verdict])
    line = f"{verdict} {finding.check:<{INDENT - 10}} {finding.text}"
    return f"{line}\n{'':<{INDENT}}-> {finding.remedy}" if finding.remedy else line


def _json(findings: list["Finding"], plan: "Plan") -> str:
    import json
    from dataclasses import asdict

    accounts = [asdict(account) | {"short": account.short} for account in plan.accounts]
    memory = {"needs": [asdict(need) for need in plan.needs], "accounts": accounts, "unknown": plan.unknown}
    return json.dumps({"findings": [asdict(finding) for finding in findings], "memory": memory}, indent=2)
