"""What is published: the source distribution, and the wheel that is built from it.

Both are built without network, the wheel from the unpacked source distribution. The wheel is installed into an
environment that sees the other packages of the running one, but not the library that is developed there. Examples and
tests of the library then run against the installed wheel, and tests against the unpacked sources.
"""

import os
import re
import shutil
import subprocess
import sys
import tarfile
import venv
import zipfile
from pathlib import Path
from typing import NamedTuple

import pytest

import statlearn

for needed in ("hatchling", "pip"):
    pytest.importorskip(needed, reason=f"distributions are built by hatchling and installed by pip: {needed} is absent")

pytestmark = pytest.mark.slow

PROJECT = Path(__file__).resolve().parents[1]
if not (PROJECT / "pyproject.toml").is_file():
    pytest.skip("there is nothing to build: no pyproject.toml beside the tests", allow_module_level=True)

SOURCE_FOLDERS = {"benchmarks", "examples", "statlearn", "tests"}
SOURCE_FILES = {"CHANGELOG.md", "CITATION.cff", "LICENSE", "PKG-INFO", "README.md", "pyproject.toml", ".gitignore"}
LEFT_BY_RUNS = {"__pycache__", ".benchmarks", ".hypothesis", ".mypy_cache", ".pytest_cache", ".ruff_cache"}
ONE_THREAD = dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), "1")

HEADLINES = {  # an object per family whose example runs on the installed wheel
    "certificate": "Certificate",
    "datasets": "load_marriage",
    "debias": "TweedieCorrector",
    "dependence": "distance_correlation",
    "design": "DPPLeastSquares",
    "fairness": "DistanceCovarianceFairRegressor",
    "frechet": "LokiClassifier",
    "graph": "GraphKernelKMeans",
    "gromov": "gromov_wasserstein_bounds",
    "halfspace": "massart_angle_bound",
    "linear": "LargeStepLogisticClassifier",
    "market": "PredictionMarketClassifier",
    "ordinal": "PrestoClassifier",
}
FAST_TESTS = (  # a file per room of the house, of those that take a second or two and compile little
    "_support/test_base.py",
    "benchmarks/test_plain_presto.py",
    "datasets/test_marriage.py",
    "debias/test_linear_correction.py",
    "dependence/test_sliced.py",
    "design/test_sizes.py",
    "fairness/test_metrics.py",
    "frechet/test_leave_classes_out.py",
    "graph/test_closed_forms.py",
    "gromov/test_graph_cost.py",
    "halfspace/test_angle_bounds.py",
    "linear/test_steps.py",
    "market/test_pools.py",
    "ordinal/test_labels.py",
    "test_certificate.py",
)

RUN_EXAMPLES = """
import doctest, importlib
flags = doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE
for family, name in {headlines}.items():
    thing = getattr(importlib.import_module("statlearn." + family), name)
    examples = [test for test in doctest.DocTestFinder(recurse=False).find(thing, name) if test.examples]
    assert examples, name + " has no example"
    for test in examples:
        assert doctest.DocTestRunner(optionflags=flags).run(test).failed == 0
    print(name)
"""


class Built(NamedTuple):
    """Both distributions, and the unpacked sources."""

    sdist: Path
    wheel: Path
    sources: Path


def run(*command, cwd):
    """What a command prints, which is shown if it fails. The environment of this test run is not passed on."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("PYTEST", "PYTHON", "COV"))}
    done = subprocess.run(
        [*map(str, command)],
        cwd=cwd,
        env={**kept, **ONE_THREAD, "MPLBACKEND": "Agg"},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout
    return done.stdout


def build(target, source, folder):
    """Build the sdist or the wheel of a source tree."""
    run(sys.executable, "-m", "hatchling", "build", "--target", target, "--directory", folder, cwd=source)
    (built,) = folder.glob("*.tar.gz" if target == "sdist" else "*.whl")
    return built


def make_environment(folder, wheel=None):
    """The interpreter of a new environment with other packages of the running one, and with this wheel if any."""
    venv.create(folder, symlinks=os.name != "nt")
    python = folder / ("Scripts/python.exe" if os.name == "nt" else "bin/python")
    if wheel is not None:
        install = ["install", "--quiet", "--no-index", "--no-deps", "--disable-pip-version-check"]
        run(sys.executable, "-m", "pip", "--python", python, *install, wheel, cwd=folder)
    # Folders that a .pth file names are searched, but their own .pth files, such as that of an editable install of the
    # library, are not read.
    others = [path for path in sys.path if Path(path).name in ("site-packages", "dist-packages")]
    site = run(python, "-c", "import sysconfig; print(sysconfig.get_path('purelib'))", cwd=folder).strip()
    (Path(site) / "others.pth").write_text("\n".join(others), encoding="utf-8")
    return python


def files_below(folder):
    """Paths of all files below a folder, without what earlier runs have left there."""
    paths = (path.relative_to(folder) for path in folder.rglob("*") if path.is_file())
    return {path.as_posix() for path in paths if not LEFT_BY_RUNS.intersection(path.parts)}


def copy_tests(sources, folder):
    """Put the tests, and what they use, into a new folder without the library."""
    for name in ("tests", "benchmarks"):
        shutil.copytree(sources / name, folder / name)
    shutil.copy(sources / "pyproject.toml", folder)
    return folder


@pytest.fixture(scope="module")
def built(tmp_path_factory):
    """Distributions of this source tree."""
    folder = tmp_path_factory.mktemp("distributions")
    sdist = build("sdist", PROJECT, folder)
    with tarfile.open(sdist) as archive:
        archive.extractall(folder, filter="data")
    sources = folder / sdist.name.removesuffix(".tar.gz")
    return Built(sdist, build("wheel", sources, folder), sources)


@pytest.fixture(scope="module")
def installed(built, tmp_path_factory):
    """The interpreter of an environment with the wheel."""
    return make_environment(tmp_path_factory.mktemp("installed") / "env", built.wheel)


def run_tests(python, folder, *options):
    """The lines that pytest prints in a folder with the tests."""
    command = [python, "-m", "pytest", "-n", "0", "-q", "-p", "no:cacheprovider", *options]
    return run(*command, cwd=folder).strip().splitlines()


def test_versions_agree(built):
    version = statlearn.__version__
    assert built.sdist.name == f"statlearn-{version}.tar.gz"
    assert built.wheel.name == f"statlearn-{version}-py3-none-any.whl"
    citation = (built.sources / "CITATION.cff").read_text("utf-8")
    number, date = re.search(
        r"^## \[(.+)\] - (.+)$", (built.sources / "CHANGELOG.md").read_text("utf-8"), re.M
    ).groups()
    assert re.search(r"^version: (.+)$", citation, re.M)[1] == number == version
    assert re.search(r"^date-released: (.+)$", citation, re.M)[1] == date


def test_the_source_distribution_is_complete(built):
    assert {path.name for path in built.sources.iterdir() if path.is_dir()} == SOURCE_FOLDERS
    assert {path.name for path in built.sources.iterdir() if path.is_file()} == SOURCE_FILES
    for name in SOURCE_FOLDERS:
        assert files_below(built.sources / name) == files_below(PROJECT / name), name


def test_the_wheel_is_the_library_and_nothing_else(built):
    with zipfile.ZipFile(built.wheel) as archive:
        names = set(archive.namelist())
        metadata = archive.read(f"statlearn-{statlearn.__version__}.dist-info/METADATA").decode("utf-8")
    library = {name for name in names if name.startswith("statlearn/")}
    assert library == {f"statlearn/{name}" for name in files_below(built.sources / "statlearn")}
    assert "statlearn/py.typed" in library
    assert {name.split("/")[0] for name in names - library} == {f"statlearn-{statlearn.__version__}.dist-info"}
    assert f"\nVersion: {statlearn.__version__}\n" in metadata
    assert "\nLicense-Expression: BSD-3-Clause\n" in metadata


def test_the_installed_wheel_runs_the_examples(installed, tmp_path):
    where = "import importlib.metadata as m, statlearn; print(m.version('statlearn'), statlearn.__file__)"
    version, place = run(installed, "-I", "-c", where, cwd=tmp_path).strip().split(" ", 1)
    assert version == statlearn.__version__
    assert Path(place).is_relative_to(installed.parents[1])
    assert set(HEADLINES) == set(statlearn.__all__) - {"__version__", "exceptions"}
    printed = run(installed, "-I", "-c", RUN_EXAMPLES.format(headlines=HEADLINES), cwd=tmp_path)
    assert printed.split() == list(HEADLINES.values())


def test_tests_pass_with_the_installed_wheel(built, installed, tmp_path):
    folder = copy_tests(built.sources, tmp_path / "work")
    assert " passed" in run_tests(installed, folder, *(f"tests/{name}" for name in FAST_TESTS))[-1]


def test_tests_pass_from_the_source_distribution(built, tmp_path):
    python = make_environment(tmp_path / "env")
    assert " passed" in run_tests(python, built.sources, *(f"tests/{name}" for name in FAST_TESTS))[-1]


def test_all_tests_of_the_source_distribution_can_be_read(built, tmp_path):
    """What the test files import is there, those of the long experiments included."""
    python = make_environment(tmp_path / "env")
    counts = run_tests(python, built.sources, "--collect-only", "-q", "-m", "", "tests")
    found = {line.rpartition(":")[0] for line in counts if re.fullmatch(r"tests/.*\.py: \d+", line)}
    files = {path.relative_to(built.sources).as_posix() for path in (built.sources / "tests").rglob("test_*.py")}
    assert found <= files
    assert found >= {f"tests/{name}" for name in FAST_TESTS}
