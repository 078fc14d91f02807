"""The plot: latencies as dots on a logarithmic scale, rates as bars; plain, and readable on light and on dark."""

import math
from collections.abc import Iterator
from html import escape

from benchmarks.peers.results import Result, figure

ROW, TOP, BOTTOM = 30, 74, 52
NAMES, PANEL, GAP, MARGIN = 226, 300, 74, 24
STYLE = """
    .panel { fill: #f6f8fa; stroke: #d0d7de; }
    .head { fill: #1f2328; font-weight: 600; }
    .text { fill: #1f2328; }
    .ours { fill: #1f2328; font-weight: 600; }
    .axis { fill: #57606a; font-size: 12px; }
    .grid { stroke: #d0d7de; }
    .mark { fill: #6e7781; }
    .span { stroke: #6e7781; stroke-width: 2; }
    .mark.best { fill: #1a7f37; }
    .span.best { stroke: #1a7f37; }
    @media (prefers-color-scheme: dark) {
      .panel { fill: #161b22; stroke: #30363d; }
      .head, .text, .ours { fill: #e6edf3; }
      .axis { fill: #8b949e; }
      .grid { stroke: #30363d; }
      .mark { fill: #8b949e; }
      .span { stroke: #8b949e; }
      .mark.best { fill: #3fb950; }
      .span.best { stroke: #3fb950; }
    }
"""


def svg(results: list[Result]) -> str:
    """An SVG of its own, with its colours in it."""
    width, height = MARGIN + NAMES + PANEL + GAP + PANEL + GAP, TOP + ROW * len(results) + BOTTOM
    said = "; ".join(f"{r.contender.name} {r.p50:.1f} ms and {r.rate:.0f} tables a second" for r in results)
    head = (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" role="img" '
        'aria-labelledby="title desc" font-family="system-ui, -apple-system, \'Segoe UI\', sans-serif" '
        'font-size="14">'
    )
    lines = [
        head,
        '  <title id="title">schemad beside job queues that do the same work</title>',
        f'  <desc id="desc">Median time from commit to table, and tables a second: {escape(said)}.</desc>',
        f"  <style>{STYLE}  </style>",
        f'  <rect class="panel" x="1" y="1" width="{width - 2}" height="{height - 2}" rx="10"/>',
        *_names(results),
        *_latencies(results, MARGIN + NAMES),
        *_rates(results, MARGIN + NAMES + PANEL + GAP),
    ]
    return "\n".join([*lines, "</svg>\n"])


def _names(results: list[Result]) -> Iterator[str]:
    for number, result in enumerate(results):
        kind, y = "ours" if _is_ours(result) else "text", _middle(number) + 5
        yield f'  <text class="{kind}" x="{MARGIN}" y="{y}">{escape(result.contender.name)}</text>'


def _latencies(results: list[Result], left: float) -> Iterator[str]:
    """A dot at the median, and a line from there to the 99th percentile."""
    lowest = 10 ** math.floor(math.log10(min(r.p50 for r in results)))
    highest = _round_step(max(r.p99 for r in results))

    def x(value: float) -> float:
        return left + PANEL * math.log(value / lowest) / math.log(highest / lowest)

    yield from _heading(
        "From commit to table, in milliseconds", "dot: p50, end of the line: p99; to the left is better", left
    )
    ticks = [lowest * 10**n for n in range(math.floor(math.log10(highest / lowest)) + 1)]
    yield from _grid([(x(tick), f"{tick:,.0f}") for tick in ticks], len(results))
    for number, result in enumerate(results):
        y, best = _middle(number), " best" if _is_ours(result) else ""
        yield f'  <line class="span{best}" x1="{x(result.p50):.1f}" x2="{x(result.p99):.1f}" y1="{y}" y2="{y}"/>'
        yield f'  <circle class="mark{best}" cx="{x(result.p50):.1f}" cy="{y}" r="5"/>'


def _rates(results: list[Result], left: float) -> Iterator[str]:
    step = _round_step(max(r.rate for r in results) / 4)
    most = step * math.ceil(max(r.rate for r in results) / step)
    yield from _heading("Tables a second from a backlog", "to the right is better", left)
    yield from _grid(
        [(left + PANEL * n * step / most, f"{n * step:,.0f}") for n in range(round(most / step) + 1)], len(results)
    )
    for number, result in enumerate(results):
        y, best, length = _middle(number), " best" if _is_ours(result) else "", PANEL * result.rate / most
        yield f'  <rect class="mark{best}" x="{left}" y="{y - 7}" width="{length:.1f}" height="14"/>'
        yield f'  <text class="axis" x="{left + length + 6:.1f}" y="{y + 4}">{figure(result.rate)}</text>'


def _heading(title: str, hint: str, left: float) -> Iterator[str]:
    yield f'  <text class="head" x="{left}" y="32">{title}</text>'
    yield f'  <text class="axis" x="{left}" y="52">{hint}</text>'


def _grid(ticks: list[tuple[float, str]], rows: int) -> Iterator[str]:
    bottom = TOP + ROW * rows
    for x, label in ticks:
        yield f'  <line class="grid" x1="{x:.1f}" x2="{x:.1f}" y1="{TOP - 6}" y2="{bottom}"/>'
        yield f'  <text class="axis" x="{x:.1f}" y="{bottom + 20}" text-anchor="middle">{label}</text>'


def _middle(number: int) -> float:
    return TOP + ROW * number + ROW / 2


def _is_ours(result: Result) -> bool:
    return result.contender.key == "schemad"


def _round_step(least: float) -> float:
    """The smallest of 1, 2 and 5 by a power of ten that is not below."""
    power = 10.0 ** math.floor(math.log10(least))
    return next(power * factor for factor in (1.0, 2.0, 5.0, 10.0) if power * factor >= least)
