"""A small report with every kind of part in it, for the tests of the writers."""

from dataclasses import replace

from analyses.section import (
    Column,
    Figure,
    Finding,
    Hidden,
    Message,
    Provenance,
    Quantity,
    Report,
    Rule,
    Section,
    Table,
    Text,
)


def plain(da: str, en: str) -> Message:
    return Message("plain", {"text": Text({"da": da, "en": en})})


ML = Provenance("ML", 1993, "Bentler 1990")
COUNT = Provenance("Optælling", 2042, "")
ITEMS = tuple(f"LEAD{number:02d}" for number in range(1, 6))

FIT = Finding(
    id="global_fit",
    claim=plain("Modellen passer ikke godt nok.", "The model does not fit well enough."),
    verdict="poor",
    rule=Rule(plain("CFI mindst 0,95.", "CFI at least .95."), "Hu & Bentler 1999"),
    evidence=(
        Quantity("statistic.cfi", 0.881, ML, digits=3),
        Quantity("statistic.rmsea", 0.079, ML, digits=3, lower=0.076, upper=0.082, level=0.9),
        Quantity(
            "statistic.srmr_bentler_nomean", None, Provenance("ML", 1993, "Bentler 1995"), digits=3
        ),
    ),
    notes=(plain("SRMR kunne ikke beregnes.", "SRMR could not be computed."),),
)
OMEGA = tuple(
    Finding(
        id=f"omega_{scale}",
        claim=plain(f"{da} måles præcist.", f"{en} is measured precisely."),
        verdict="good",
        rule=Rule(plain("Nedre grænse mindst 0,80.", "Lower limit at least .80."), "COSMIN"),
        evidence=(
            Quantity(
                "statistic.omega", value, ML, lower=value - 0.01, upper=value + 0.01, level=0.95
            ),
        ),
    )
    for scale, da, en, value in (
        ("lead", "Ledelse", "Leadership", 0.88),
        ("tsig", "Opgavens betydning", "Task significance", 0.82),
    )
)
ANSWERS = Table(
    id="answers",
    title=plain("Hvad der blev svaret", "What was answered"),
    columns=(
        Column("item", plain("Spørgsmål", "Item"), "text"),
        *(
            Column(
                f"c{code}", plain(f"{code} I høj grad", f"{code} To a large extent"), "percent", 1
            )
            for code in range(1, 6)
        ),
    ),
    rows=tuple((item, 0.05, 0.1, 0.25, 0.4, 0.2) for item in ITEMS),
    provenance=COUNT,
)
MEANS = Table(
    id="means",
    title=plain("Gennemsnit i hvert kompagni", "Means by company"),
    columns=(
        Column("group", plain("Kompagni", "Company"), "message"),
        Column("n", plain("Antal", "Number"), "count", 0),
        Column("mean", plain("Gennemsnit", "Mean"), "number", 2),
        Column("lower", plain("Nedre", "Lower"), "number", 2),
        Column("upper", plain("Øvre", "Upper"), "number", 2),
        Column("p", plain("p-værdi", "p value"), "pvalue", 3),
    ),
    rows=(
        ("A", 1200, 3.10, 2.90, 3.30, 0.0),
        (
            plain(
                "Et kompagni med et meget langt navn på mere end en linje",
                "A company with a very long name of more than one line",
            ),
            40,
            2.50,
            2.20,
            2.80,
            0.012,
        ),
        ("=1+1", Hidden(), Hidden(), Hidden(), Hidden(), None),
        ("C", 6, 2.75, Hidden(), Hidden(), None),
    ),
    provenance=Provenance(plain("t-interval", "t interval"), 2042, "Student 1908"),
    notes=(plain("Små grupper er skjult.", "Small groups are hidden."),),
    respondents="n",
    dispersion=("lower", "upper"),
)
CORRELATIONS = Table(
    id="correlations",
    title=plain("Sammenhænge", "Associations"),
    columns=(
        Column("scale", plain("Skala", "Scale"), "text"),
        Column("a", plain("Ledelse", "Leadership"), "number", 2),
        Column("b", plain("Fjendtlighed", "Hostility"), "number", 2),
    ),
    rows=(("Ledelse", 1.0, -0.42), ("Fjendtlighed", -0.42, 1.0)),
    provenance=ML,
)
EIGENVALUES = Table(
    id="eigenvalues",
    title=plain("Egenværdier", "Eigenvalues"),
    columns=(
        Column("factor", plain("Faktor", "Factor"), "count", 0),
        Column("observed", plain("Observeret", "Observed"), "number", 2),
        Column("random", plain("Tilfældige data", "Random data"), "number", 2),
    ),
    rows=((1, 6.1, 1.2), (2, 2.0, 1.15), (3, 0.9, 1.1), (4, 0.7, None)),
    provenance=Provenance("Pearson", 1993, "Horn 1965"),
)
STEPS = Table(
    id="steps",
    title=plain("Personer og svartrin", "Persons and steps"),
    columns=(
        Column("bin", plain("Niveau", "Standing"), "text"),
        Column("n", plain("Antal", "Number"), "count", 0),
        Column("share", plain("Andel", "Share"), "percent", 1),
        Column("one", plain("LEAD01", "LEAD01"), "text"),
        Column("two", plain("LEAD02", "LEAD02"), "text"),
    ),
    rows=(
        ("0,5 eller mere", 900, 0.45, "5", ""),
        ("0,0 til 0,5", 1093, 0.55, "", "4 5"),
        ("under 0,0", Hidden(), Hidden(), "2 3 4", "2 3"),
    ),
    provenance=ML,
    respondents="n",
)


def _figure(
    table: Table,
    form: str,
    domain: tuple[float, float] | None = None,
    rule: float | None = None,
    **channels: str,
) -> Figure:
    return Figure(
        id=f"{table.id}_{form}" if form in ("bars", "diverging") else table.id,
        title=table.title,
        alt=plain(f"Figur af {table.id}: A ligger højest.", f"Figure of {table.id}: A is highest."),
        table=table.id,
        form=form,  # type: ignore[arg-type]
        channels=channels,
        domain=domain,
        rule=rule,
    )


FIGURES = (
    _figure(ANSWERS, "stacked", (0.0, 1.0), y="item", parts="c1 c2 c3 c4 c5"),
    _figure(ANSWERS, "bars", (0.0, 1.0), y="item", x="c4"),
    _figure(MEANS, "intervals", (1.0, 5.0), 3.0, y="group", x="mean", lower="lower", upper="upper"),
    _figure(CORRELATIONS, "heat", (-1.0, 1.0), y="scale", parts="a b"),
    _figure(EIGENVALUES, "lines", None, 1.0, x="factor", parts="observed random"),
    _figure(ANSWERS, "diverging", y="item", parts="c1 c2 c3 c4 c5"),
    _figure(STEPS, "wright", y="bin", x="share", parts="one two"),
)

REPORT = Report(
    instrument="leadership_climate",
    instrument_version="1.0",
    title={"da": "Ledelsesklima", "en": "Leadership climate"},
    survey="svar <æøå> & co.csv",
    n_obs=2042,
    simulated=False,
    confidential=False,
    created="2026-01-31T12:00:00+00:00",
    software="kobling 0.1.0",
    sections=(
        Section(
            "items",
            plain("Alle spørgsmål fungerer.", "All items work."),
            tables=(ANSWERS, STEPS),
            figures=(*FIGURES[:2], *FIGURES[5:]),
        ),
        Section(
            "reliability",
            plain("Skalaerne måler præcist.", "The scales measure precisely."),
            findings=OMEGA,
        ),
        Section(
            "exploratory",
            plain("Der er to faktorer.", "There are two factors."),
            tables=(EIGENVALUES,),
            figures=FIGURES[4:5],
        ),
        Section(
            "confirmatory",
            plain("Modellen passer ikke.", "The model does not fit."),
            findings=(FIT,),
            tables=(CORRELATIONS,),
            figures=(FIGURES[3],),
        ),
        Section(
            "levels",
            plain("Kompagnierne er forskellige.", "The companies differ."),
            tables=(MEANS,),
            figures=(FIGURES[2],),
            notes=(plain("Svarene er selvrapporterede.", "The answers are self-reported."),),
        ),
    ),
    notes=(plain("Filen er læst med semikolon.", "The file was read with semicolons."),),
)
MARKED = replace(REPORT, simulated=True, confidential=True)
