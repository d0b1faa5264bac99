"""Markdown tables of a benchmark run.

``python -m pytest benchmarks --benchmark-only --benchmark-json=run.json``, then
``python -m benchmarks.table run.json FAMILY`` prints the table of a family,
``python -m benchmarks.table run.json --store benchmarks/results.json`` keeps what the tables are made of, and
``python -m benchmarks.table benchmarks/results.json --write docs/benchmarks`` puts the tables into the pages.
"""

import json
import pathlib
import re
import sys

__all__ = ["figures_of", "markdown_table", "write_pages"]

FIGURES = re.compile(r"(?<=^## Figures\n).*?(?=^## |\Z)", re.DOTALL | re.MULTILINE)

COLUMNS = ("task", "ours", "peer", "peer's", "ratio: median (min to max)", "wanted", "")
ALIGNMENT = ("---", "--:", "---", "--:", "--:", "--:", "---")
STORED_DIGITS = 6


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


def figures_of(run):
    """What the tables of a run are made of, without the machine's name and the times of single rounds.

    Parameters
    ----------
    run : dict
        What pytest-benchmark wrote with ``--benchmark-json``.

    Returns
    -------
    dict
        A run of the same form, with numbers of 6 digits.
    """
    benchmarks = [
        {
            "fullname": each["fullname"],
            "extra_info": {"results": [_rounded(result) for result in each["extra_info"].get("results", ())]},
        }
        for each in run["benchmarks"]
    ]
    return {"datetime": run["datetime"], "environment": run["environment"], "benchmarks": benchmarks}


def _rounded(result):
    return {
        name: float(f"{value:.{STORED_DIGITS}g}") if isinstance(value, float) else value
        for name, value in result.items()
    }


def write_pages(run, folder):
    """Replace the section "Figures" of the pages of all families that a run has timed.

    Parameters
    ----------
    run : dict
        What pytest-benchmark wrote with ``--benchmark-json``.
    folder : path
        Where the pages are, ``<family>.md``.

    Returns
    -------
    list of str
        The families.

    Raises
    ------
    ValueError
        If a page does not have that section once.
    """
    families = sorted(set(re.findall(r"bench_(\w+)\.py", " ".join(each["fullname"] for each in run["benchmarks"]))))
    for family in families:
        page = pathlib.Path(folder) / f"{family}.md"
        text, n_sections = FIGURES.subn(lambda _, name=family: f"\n{markdown_table(run, name)}\n\n", page.read_text())
        if n_sections != 1:
            raise ValueError(f"{page} must have one section ## Figures. Got {n_sections}.")
        page.write_text(text.rstrip("\n") + "\n")
    return families


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


def main(file_name, *options):
    """Print a table, keep what it is made of, or write pages."""
    with open(file_name) as file:
        run = json.load(file)
    if options[:1] == ("--store",):
        pathlib.Path(*options[1:]).write_text(json.dumps(figures_of(run), indent=1, ensure_ascii=False) + "\n")
    elif options[:1] == ("--write",):
        print("written:", *write_pages(run, *options[1:]))
    else:
        print(markdown_table(run, *options))


if __name__ == "__main__":
    main(*sys.argv[1:])
