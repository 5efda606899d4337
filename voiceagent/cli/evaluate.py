"""`voiceagent evaluate`: hold conversations with the agent, and say what came of them."""

from pathlib import Path

import click

FAILED = 1


@click.command()
@click.argument("scenarios", nargs=-1, metavar="[FILE]...")
@click.option("--config", metavar="FILE", help="The agent's settings file; without it, each scenario's.")
@click.option("--set", "sets", multiple=True, metavar="KEY=VALUE", help="Override one setting, as in session.idle_s=5.")
@click.option("--real", is_flag=True, help="Run the agent's own models, in real time, instead of scripted ones.")
@click.option("--url", metavar="URL", help="Call a running server, over WebRTC, as in http://127.0.0.1:7860.")
@click.option("--repeat", type=click.IntRange(1), default=1, metavar="N", help="Hold each conversation N times.")
@click.option("--seed", type=int, default=0, metavar="N", help="What decides how repetitions differ.")
@click.option("--judge", metavar="URL", help="A judge's OpenAI-compatible endpoint, or agent: the agent's own model.")
@click.option("--judge-model", default="default", metavar="NAME", help="The judge's model.")
@click.option("--junit", type=click.Path(path_type=Path, dir_okay=False), metavar="FILE", help="Write JUnit XML.")
@click.option(
    "--html", "page", type=click.Path(path_type=Path, dir_okay=False), metavar="FILE", help="Write a page with sound."
)
@click.option("--verbose", "-v", is_flag=True, help="Show every dialogue, not only those that failed.")
def evaluate(
    scenarios: tuple[str, ...],
    config: str | None,
    sets: tuple[str, ...],
    real: bool,
    url: str | None,
    repeat: int,
    seed: int,
    judge: str | None,
    judge_model: str,
    junit: Path | None,
    page: Path | None,
    verbose: bool,
) -> None:
    """Hold the conversations of scenario FILEs (or folders, or names of those that come with voiceagent; all of these
    by default) and check what is expected. The exit status is 1 if something is not met."""
    from voiceagent.evals.files import load_scenarios
    from voiceagent.evals.judge import EndpointJudge
    from voiceagent.evals.report.html import html
    from voiceagent.evals.report.junit import junit as as_junit
    from voiceagent.evals.report.junit import write
    from voiceagent.evals.report.terminal import details, row, summary
    from voiceagent.evals.suite import AGENT, Result, Run
    from voiceagent.evals.suite import evaluate as run_all

    if real and url is not None:
        raise click.UsageError("--real runs the models here, --url calls a server that runs them: give one of them.")
    written = load_scenarios(*scenarios)
    width = max(len(one.scenario.name) for one in written)

    def show(result: Result) -> None:
        click.echo(row(result, width))

    run = Run(
        config=config,
        sets=sets,
        real=real,
        url=url,
        repeat=repeat,
        seed=seed,
        sound=page is not None,
        judge=judge if judge in (None, AGENT) else EndpointJudge(judge, judge_model),
    )
    results = run_all(written, run, show)
    for result in results:
        if result.skipped is None and (verbose or not result.passed):
            click.echo("\n" + "\n".join(details(result)))
    click.echo("\n" + summary(results))
    if junit is not None:
        write(junit, as_junit(results))
    if page is not None:
        write(page, html(results))
    if not all(result.passed for result in results):
        raise SystemExit(FAILED)
