"""R's proportional-odds fits beside ours on the soup study: ``python -m benchmarks.r_peers``.

Each round fits ours in this process and then every R model in one R process, which times itself, so that neither the
start of R nor the reading of the table counts. Needs ``Rscript`` with the packages ordinal, MASS and VGAM; without it
the script says so and stops.
"""

import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np

from benchmarks.fresh_process import ONE_THREAD
from benchmarks.ordinal_data import load_soup
from benchmarks.side_by_side import Comparison, environment_line, single_thread, time_call
from statlearn.ordinal import ProportionalOddsClassifier, presto_path

__all__ = ["main", "time_r_models"]

ROUNDS = 5
SCRIPT = Path(__file__).with_name("r_peers.R")
CALLS_OF_OURS = 5
LOG_LIKELIHOOD_ATOL = 1e-3  # polr stops at a relative change of 1e-8 of its objective; clm and ours agree to 1e-6


def time_r_models(table_file):
    """Fit every R model once.

    Parameters
    ----------
    table_file : path-like
        CSV file with the column ``y`` and numeric columns.

    Returns
    -------
    dict
        Name and version -> (seconds, log-likelihood).

    Raises
    ------
    subprocess.CalledProcessError
        If R fails, for instance for want of a package.
    """
    command = ["Rscript", "--vanilla", str(SCRIPT), str(table_file)]
    done = subprocess.run(command, env={**os.environ, **ONE_THREAD}, stdout=subprocess.PIPE, text=True, check=True)
    fields = [line.split("\t") for line in done.stdout.splitlines()]
    return {f"{name} {package}": (float(seconds), float(fit)) for name, package, seconds, fit in fields}


def main():
    """Run the rounds and print the comparisons.

    Returns
    -------
    int
        Exit status: 0 when the log-likelihoods agree.
    """
    if shutil.which("Rscript") is None:
        print("skipped: Rscript is not on the path")
        return 0
    X, y = load_soup()
    tasks = {
        "soup, proportional odds with standard errors": lambda: ProportionalOddsClassifier().fit(X, y),
        "soup, path of 20 penalties against one proportional-odds fit": lambda: presto_path(X, y, n_alphas=20),
    }
    ours = {task: [] for task in tasks}
    peers = {}
    with tempfile.TemporaryDirectory() as folder, single_thread():
        table_file = Path(folder) / "soup.csv"
        header = ",".join(["y", *(f"x{j}" for j in range(X.shape[1]))])
        np.savetxt(table_file, np.column_stack([y, X]), delimiter=",", fmt="%d", header=header, comments="")
        for function in tasks.values():
            function()
        for _ in range(ROUNDS):
            for task, function in tasks.items():
                ours[task].append(time_call(function, CALLS_OF_OURS))
            for name, figures in time_r_models(table_file).items():
                peers.setdefault(name, []).append(figures)
    return _report(ours, peers, ProportionalOddsClassifier().fit(X, y).log_likelihood_)


def _report(ours, peers, log_likelihood):
    print(environment_line())
    print(f"log-likelihood of ours: {log_likelihood:.6f}")
    agree = True
    for name, figures in peers.items():
        seconds, fits = zip(*figures, strict=True)
        agree = agree and abs(fits[0] - log_likelihood) <= LOG_LIKELIHOOD_ATOL
        print(f"log-likelihood of {name}: {fits[0]:.6f}")
        for task, own in ours.items():
            print(Comparison(task, name, tuple(own), seconds))
    print("log-likelihoods agree" if agree else f"log-likelihoods differ by more than {LOG_LIKELIHOOD_ATOL:g}")
    return 0 if agree else 1


if __name__ == "__main__":
    sys.exit(main())
