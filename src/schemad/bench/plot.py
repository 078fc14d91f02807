"""Pictures of a report, as SVG: the distribution of latencies, and the curve of growth."""

from collections.abc import Sequence
from pathlib import Path

import matplotlib as mpl
from matplotlib.axes import Axes
from matplotlib.figure import Figure as Picture

from schemad.bench.figure import Figure
from schemad.bench.run import Measure, Report

INCHES = (7.0, 4.0)


def draw(report: Report, directory: Path) -> list[Path]:
    """Draws what the report has, into a directory that is there; the files."""
    files = []
    if report.distributions:
        files.append(_save(_latencies(report.distributions), directory / "latency.svg"))
    growth = [f for f in report.figures if f.first.measure == Measure.GROWTH and f.first.size is not None]
    if growth:
        files.append(_save(_curve(growth), directory / "growth.svg"))
    return files


def _latencies(distributions: dict[str, list[float]]) -> Picture:
    """How many of the requests had their table after so many milliseconds, by contender."""
    picture, axes = _axes("milliseconds from commit to table, logarithmic", "requests")
    for contender, times in distributions.items():
        shares = [(number + 1) / len(times) * 100 for number in range(len(times))]
        axes.step(sorted(times), shares, where="post", label=f"{contender} ({len(times):,})")
    axes.set_xscale("log")
    axes.xaxis.set_major_formatter("{x:g}")
    axes.xaxis.set_minor_formatter("{x:g}")
    axes.yaxis.set_major_formatter("{x:.0f} %")
    axes.legend(loc="lower right")
    return picture


def _curve(figures: Sequence[Figure]) -> Picture:
    """What a request costs by what is there, as a ratio, with the extremes of the repetitions."""
    picture, axes = _axes("tables that are there, logarithmic", f"ms/table, beside {figures[0].first.against}")
    kinds: dict[str, list[Figure]] = {}
    for figure in figures:
        kinds.setdefault(figure.first.what.rpartition(": ")[2], []).append(figure)
    for kind, each in kinds.items():
        sizes = [figure.first.size or 0 for figure in each]
        ratios = [figure.ratio or 0.0 for figure in each]
        below = [ratio - figure.ratios[0] for ratio, figure in zip(ratios, each, strict=True)]
        above = [figure.ratios[-1] - ratio for ratio, figure in zip(ratios, each, strict=True)]
        axes.errorbar(sizes, ratios, yerr=[below, above], marker="o", capsize=3, label=kind)
    axes.set_xscale("log")
    sizes = sorted({figure.first.size or 0 for figure in figures})
    axes.set_xticks(sizes, [f"{size:,}" for size in sizes])
    axes.set_xticks([], minor=True)
    axes.axhline(1.0, color="grey", linewidth=0.8)
    axes.set_ylim(bottom=0)
    axes.legend(loc="lower right")
    return picture


def _axes(across: str, up: str) -> tuple[Picture, Axes]:
    picture = Picture(figsize=INCHES, layout="constrained")
    axes = picture.subplots()
    axes.set_xlabel(across)
    axes.set_ylabel(up)
    axes.grid(alpha=0.3)
    return picture, axes


def _save(picture: Picture, path: Path) -> Path:
    # Text stays text, and the same report gives the same file.
    with mpl.rc_context({"svg.fonttype": "none", "svg.hashsalt": "schemad"}):
        picture.savefig(path, format="svg", metadata={"Date": None})
    return path
