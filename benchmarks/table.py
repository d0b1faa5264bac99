"""Markdown table of a benchmark run.

``python -m pytest benchmarks --benchmark-only --benchmark-json=run.json``, then
``python -m benchmarks.table run.json``.
"""

import json
import sys

__all__ = ["markdown_table"]

COLUMNS = ("task", "ours", "peer", "peer's", "ratio: median (min to max)", "wanted", "")
ALIGNMENT = ("---", "--:", "---", "--:", "--:", "--:", "---")


def markdown_table(run, family=None):
    """The results of a run as a Markdown table below the versions and the command.

    Parameters
    ----------
    run : dict
        What pytest-benchmark wrote with ``--benchmark-json``.
    family : str, optional
        Only the results of ``bench_<family>.py``.

    Returns
    -------
    str
    """
    file_name = f"bench_{family}.py" if family else "bench_"
    results = [
        result
        for benchmark in run["benchmarks"]
        if file_name in benchmark["fullname"]
        for result in benchmark["extra_info"].get("results", ())
    ]
    lines = [f"{run['datetime'][:10]}. {run['environment']}", "", _line(COLUMNS), _line(ALIGNMENT)]
    lines += [_row(result) for result in results]
    return "\n".join(lines)


def _row(result):
    ratio = peer_seconds = ""
    if "ratio" in result:
        ratio = f"{result['ratio']:.3g} ({result['ratio_min']:.3g} to {result['ratio_max']:.3g})"
        peer_seconds = f"{result['peer_seconds']:.3g} s"
    verdict = {None: "", True: "met", False: "**missed**"}[result["met"]]
    remark = "; ".join(filter(None, [verdict, result["note"]]))
    cells = (
        result["task"],
        f"{result['seconds']:.3g} s",
        result.get("peer", ""),
        peer_seconds,
        ratio,
        result["wanted"] or "",
        remark,
    )
    return _line(cells)


def _line(cells):
    return f"| {' | '.join(cells)} |"


if __name__ == "__main__":
    with open(sys.argv[1]) as file:
        print(markdown_table(json.load(file), *sys.argv[2:]))
