"""`kobling power`: how many respondents a study needs, before it is paid for."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from analyses.commands.running import Language, bar, load_instrument, refusals
from analyses.section import Message
from analyses.wording import words

if TYPE_CHECKING:
    from measure.replication.workers import Workers


def power(
    instrument: Annotated[
        str, typer.Option(help="Name of an instrument (see kobling instruments), or its file.")
    ],
    claim: Annotated[
        str,
        typer.Option(
            help="What the study is to show: fits (the reference model fits and a rival does not), "
            "loading, omega, invariance, difference (of two groups), icc2 (of units), gain (before "
            "and after, with a comparison) or wedge (units begin in turns)."
        ),
    ],
    out: Annotated[Path, typer.Option(help="Folder for the plan; made, or replaced if ours.")],
    target: Annotated[
        float, typer.Option("--power", help="How often it is to show it, between 0 and 1.")
    ] = 0.80,
    scale: Annotated[
        str | None, typer.Option(help="Scale that the claim is about; by default the first.")
    ] = None,
    rival: Annotated[str | None, typer.Option(help="Model that is not to fit, for fits.")] = None,
    item: Annotated[
        str | None,
        typer.Option(help="Item, for loading; by default that with the lowest loading."),
    ] = None,
    effect: Annotated[
        float | None,
        typer.Option(
            help="Difference, gain or effect in standard deviations; by default what the rules "
            "call worthwhile."
        ),
    ] = None,
    least: Annotated[
        float | None,
        typer.Option(help="What omega or ICC(2) has to reach; by default by the rules."),
    ] = None,
    loading: Annotated[
        float | None,
        typer.Option(help="Loading of all items, in place of what the instrument states."),
    ] = None,
    correlation: Annotated[
        float | None, typer.Option(help="Correlation of factors, in the same way.")
    ] = None,
    icc: Annotated[
        float | None, typer.Option(help="Share of the differences between units, likewise.")
    ] = None,
    clusters: Annotated[int, typer.Option(help="Number of units, for icc2.")] = 40,
    size: Annotated[int, typer.Option(help="People in a unit, for gain and wedge.")] = 12,
    periods: Annotated[int, typer.Option(help="Waves, for wedge.")] = 5,
    missing: Annotated[
        float, typer.Option(help="Share of the answers to each item that is missing.")
    ] = 0.0,
    repeats: Annotated[int, typer.Option(help="Simulated studies of each size.")] = 300,
    most: Annotated[int, typer.Option(help="The largest study that is tried.")] = 10_000,
    seed: Annotated[
        int, typer.Option(min=0, help="The same seed gives the same plan, whoever computes it.")
    ] = 1,
    workers: Annotated[
        int | None, typer.Option(min=1, help="Processes; by default one for each core.")
    ] = None,
    cluster: Annotated[
        str | None,
        typer.Option(
            metavar="ADDRESS",
            help="Address of a Dask scheduler that does the work, such as tcp://10.0.0.5:8786; by "
            "default that in KOBLING_CLUSTER, if any.",
        ),
    ] = None,
    checkpoint: Annotated[
        Path | None,
        typer.Option(help="Folder from which work that was interrupted goes on; not shared."),
    ] = None,
    language: Language = "da",
) -> None:
    """Plan a study: search for the number of respondents or units that a claim needs.

    Studies are simulated from the population that the instrument states, or from usual values; the
    plan says what was taken for granted.
    """
    with refusals(language):
        from analyses.studies.wishes import Wish

        said = words(language)
        wish = Wish(
            claim=claim,
            target=target,
            scale=scale,
            rival=rival,
            item=item,
            effect=effect,
            least=least,
            loading=loading,
            correlation=correlation,
            icc=icc,
            clusters=clusters,
            size=size,
            periods=periods,
            missing=missing,
            repeats=repeats,
            seed=seed,
            most=most,
        )
        asked = load_instrument(instrument)
        from analyses import output, planning, scheduler

        output.check(out)
        # A cluster that is asked for is used, and not silently replaced by this machine.
        who: Workers = cluster or scheduler.workers(workers)
        with bar() as shown:
            task = shown.add_task(said.say(Message("step.planning")), total=1.0)

            def show(step: str, share: float) -> None:
                shown.update(task, description=said.say(Message(step)), completed=share)

            execution = planning.execution(who, show, checkpoint)
            section = planning.run(asked, wish, execution=execution)
            report = planning.report(asked, section)
            output.write_plan(report, out, language=language)
        typer.echo(said.say(report.sections[0].answer))
        typer.echo(said.say(Message("cli.plan.done", {"file": str((out / "plan.html").resolve())})))
