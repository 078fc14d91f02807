"""The report of a run, for a person."""

import statistics
from collections import Counter

from tests.chaos.run import Run, Verdict

SHOWN = 30
LONGEST = 5


def report(run: Run, verdict: Verdict, *, seed: int, minutes: float) -> str:
    """What a run did and showed."""
    by_kind = Counter(fault.kind for fault in verdict.injected)
    since: dict[str, tuple[list[float], list[float]]] = {kind: ([], []) for kind in by_kind}
    for fault in verdict.injected:
        for seconds, moment in zip(since[fault.kind], (fault.began, fault.ended), strict=True):
            if (recovery := run.ledger.recovery(moment)) is not None:
                seconds.append(recovery)
    lines = [
        f"{len(verdict.injected)} faults of {len(by_kind)} kinds, {verdict.requests} requests",
        f"PostgreSQL {run.major}, {run.daemons} daemons, {minutes:g} minutes, seed {seed}",
        "",
        "seconds until a request is decided that was submitted after the fault's",
        f"{'':<32}{'beginning':>16}{'':>11}{'end':>18}",
        f"{'fault':<26}{'times':>6}" + f"{'p50':>9}{'p99':>9}{'max':>9}" * 2,
    ]
    for kind, count in sorted(by_kind.items()):
        lines.append(f"{kind:<26}{count:>6}{''.join(_figures(seconds) for seconds in since[kind])}")
    every = [[s for group in since.values() for s in group[n]] for n in (0, 1)]
    lines.append(f"{'all':<26}{len(verdict.injected):>6}{''.join(_figures(seconds) for seconds in every)}")
    lines += ["", *_slowest(run, verdict)]
    lines += ["", "requests by outcome: " + _listed(verdict.outcomes)]
    lines.append("requests by kind: " + _listed(dict(run.ledger.kinds.most_common())))
    lines.append("errors that requesters met: " + _listed(dict(run.ledger.troubles.most_common())))
    lines += [
        f"{name}: {_listed(value) if isinstance(value, dict) else value}" for name, value in verdict.notes.items()
    ]
    if verdict.missed:
        lines.append("faults that found nothing to happen to: " + _listed(dict(verdict.missed.most_common())))
    lines += ["", f"violations: {len(verdict.broken)}"]
    lines += [f"  {broken.promise}: {broken.case}" for broken in verdict.broken[:SHOWN]]
    if len(verdict.broken) > SHOWN:
        lines.append(f"  and {len(verdict.broken) - SHOWN} more")
    return "\n".join(lines)


def _slowest(run: Run, verdict: Verdict) -> list[str]:
    """The longest times without a decision, with what else happened in them."""
    lines = []
    longest = sorted(
        ((run.ledger.recovery(fault.ended) or 0.0, fault) for fault in verdict.injected),
        key=lambda each: each[0],
        reverse=True,
    )
    for seconds, fault in longest[:LONGEST]:
        ends = fault.ended + seconds
        others = [f.kind for f in verdict.injected if f is not fault and f.began < ends and f.ended > fault.ended]
        lines.append(
            f"{seconds:.3f} s after the end of {fault.kind}, while: {', '.join(others) or 'nothing else'}"
        )
    return lines


def _figures(seconds: list[float]) -> str:
    if not seconds:
        return f"{'-':>9}" * 3
    p99 = statistics.quantiles(seconds, n=100, method="inclusive")[98] if len(seconds) > 1 else seconds[0]
    return "".join(f"{value:>9.3f}" for value in (statistics.median(seconds), p99, max(seconds)))


def _listed(counts: dict[str, int]) -> str:
    return ", ".join(f"{name} {count}" for name, count in counts.items()) or "none"
