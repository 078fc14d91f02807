"""The documentation: a block of `performance.md` between two comments, and a plot beside it."""

from pathlib import Path

from benchmarks.peers.plot import svg
from benchmarks.peers.results import Result, Setting

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "docs" / "explanation" / "performance.md"
PLOT = ROOT / "docs" / "images" / "peers.svg"
BEGIN, END = "<!-- bench-peers: begin -->", "<!-- bench-peers: end -->"


def write(results: list[Result], setting: Setting) -> list[Path]:
    """Writes both.

    Returns:
        Where they are, below the checkout.

    Raises:
        RuntimeError: The page has no place for the block.
    """
    text = PAGE.read_text(encoding="utf-8")
    before, begin, rest = text.partition(BEGIN)
    _, end, after = rest.partition(END)
    if not begin or not end:
        raise RuntimeError(f"{PAGE.relative_to(ROOT)} has no {BEGIN} … {END}")
    PAGE.write_text(f"{before}{BEGIN}\n{block(results, setting)}{END}{after}", encoding="utf-8")
    PLOT.write_text(svg(results), encoding="utf-8")
    return [path.relative_to(ROOT) for path in (PAGE, PLOT)]


def block(results: list[Result], setting: Setting) -> str:
    """The table in Markdown, with what it was measured on."""
    heads = ("", "arrival p50", "p99", "p50 by the smallest daemon's", "backlog", "by the smallest daemon's")
    lines = [_row(heads), _row(("---", *["---:"] * 5))]
    for result in results:
        name, p50, p99, latency_ratio, rate, rate_ratio = result.cells()
        cells = (name, f"{p50} ms", f"{p99} ms", latency_ratio, f"{rate} tables/s", rate_ratio)
        bold = result.contender.key == "schemad"
        lines.append(_row(tuple(f"**{cell}**" for cell in cells) if bold else cells))
    return "\n".join(
        [*lines, "", f"Measured on {setting.date}: {setting.machine}.", f"{setting.versions}.", setting.extent, ""]
    )


def _row(cells: tuple[str, ...]) -> str:
    return f"| {' | '.join(cells)} |"
