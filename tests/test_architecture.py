"""The house: imports go down, nothing goes in circles, one door to scikit-learn's private names, a cheap import."""

import ast
import graphlib
import subprocess
import sys
from pathlib import Path
from statistics import median
from typing import NamedTuple

import pytest

import statlearn

PACKAGE = Path(statlearn.__file__).parent
PROJECT = PACKAGE.parent
DOOR = PACKAGE / "_support" / "_sklearn.py"

FLOORS = {"certificate": 0, "exceptions": 0, "_typing": 0, "_kernels": 1, "_support": 1, "datasets": 1, "fairness": 3}
FAMILY_FLOOR = 2
NEIGHBORS = {
    ("_kernels", "_support"),
    ("datasets", "_support"),
    ("fairness", "dependence"),
}  # the imports within a floor or between families

LOADED_ON_FIRST_USE = {"cvxpy", "matplotlib", "networkx", "numba", "ot", "pandas", "polars", "statsmodels"}
LATE_IMPORTS = LOADED_ON_FIRST_USE - {"numba"}
IMPORT_REPEATS = 3
IMPORT_ALLOWANCE = 1.1


class Import(NamedTuple):
    """One imported name: its dotted path, and whether the import statement is inside a function."""

    target: str
    late: bool


def imports_of(source, module, is_package):
    """Every import of a module, as absolute dotted paths; ``from a import b`` gives ``a.b``."""
    found = []

    def visit(node, late):
        if isinstance(node, ast.Import):
            found.extend(Import(alias.name, late) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = _absolute(node, module, is_package)
            found.extend(Import(f"{base}.{alias.name}", late) for alias in node.names)
        inside = late or isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda))
        for child in ast.iter_child_nodes(node):
            visit(child, inside)

    visit(ast.parse(source), False)
    return found


def _absolute(node, module, is_package):
    if node.level == 0:
        return node.module
    parents = module.split(".")
    parents = parents[: len(parents) - node.level + is_package]
    return ".".join([*parents, *([node.module] if node.module else [])])


def own_modules():
    """The dotted name and file of every module of the package."""
    for path in sorted(PACKAGE.rglob("*.py")):
        parts = path.relative_to(PROJECT).with_suffix("").parts
        yield ".".join(parts[:-1] if parts[-1] == "__init__" else parts), path


def own_imports():
    """The modules of the package and what each of them imports."""
    return {name: imports_of(path.read_text("utf-8"), name, path.name == "__init__.py") for name, path in own_modules()}


def room(dotted):
    """The room of the house a dotted name of ours belongs to: the part after ``statlearn``, or none for the face."""
    return dotted.split(".")[1] if "." in dotted else ""


def may_import(importer, imported):
    """Whether one room may import another."""
    if importer == imported or (importer, imported) in NEIGHBORS:
        return True
    if imported == "datasets" or (importer not in FLOORS and imported not in FLOORS):
        return False
    if imported not in FLOORS and importer == "fairness":
        return False  # no family but its neighbor
    return FLOORS.get(imported, FAMILY_FLOOR) < FLOORS.get(importer, FAMILY_FLOOR)


def is_ours(target):
    return target.split(".")[0] == "statlearn"


def test_imports_go_down():
    wrong = [
        f"{module} imports {target}"
        for module, imports in own_imports().items()
        for target, _ in imports
        if is_ours(target) and target != "statlearn.__version__" and not may_import(room(module), room(target))
    ]
    assert not wrong


@pytest.mark.parametrize(
    ("importer", "imported", "allowed"),
    [
        ("ordinal", "_support", True),
        ("ordinal", "_kernels", True),
        ("ordinal", "certificate", True),
        ("ordinal", "datasets", False),
        ("ordinal", "linear", False),
        ("_support", "exceptions", True),
        ("_support", "ordinal", False),
        ("_kernels", "_support", True),
        ("certificate", "exceptions", False),
        ("fairness", "dependence", True),
        ("fairness", "_support", True),
        ("fairness", "graph", False),
        ("dependence", "fairness", False),
        ("datasets", "_support", True),
        ("datasets", "ordinal", False),
        ("", "ordinal", False),
    ],
)
def test_the_rule_itself(importer, imported, allowed):
    assert may_import(importer, imported) is allowed


def test_no_cycles():
    names = {name for name, _ in own_modules()}
    graph = {}
    for module, imports in own_imports().items():
        # ``from a import b`` depends on module a.b if there is one, and on module a otherwise.
        targets = (target if target in names else target.rpartition(".")[0] for target, _ in imports if is_ours(target))
        graph[module] = {target for target in targets if target in names} - {module}
    assert list(graphlib.TopologicalSorter(graph).static_order())


def test_late_imports_are_of_optional_or_heavy_packages():
    wrong = [
        f"{module} imports {target} inside a function"
        for module, imports in own_imports().items()
        for target, late in imports
        if late and target.split(".")[0] not in LATE_IMPORTS
    ]
    assert not wrong


def test_imports_are_read_correctly():
    source = """
import numpy as np
from . import _loss
from .._support.jit import njit
def f():
    from statlearn import x
"""
    expected = [("numpy", False), ("statlearn.ordinal._loss", False), ("statlearn._support.jit.njit", False)]
    assert imports_of(source, "statlearn.ordinal._presto", False) == [*expected, ("statlearn.x", True)]
    assert imports_of("from . import _loss", "statlearn.ordinal", True) == [("statlearn.ordinal._loss", False)]


def private_sklearn_names(source):
    """Dotted names of scikit-learn with a private part that a file imports or spells out."""
    tree = ast.parse(source)
    imported = [target for target, _ in imports_of(source, "file", False)]
    spelled = [ast.unparse(node) for node in ast.walk(tree) if isinstance(node, ast.Attribute)]
    return [name for name in imported + spelled if name.startswith("sklearn.") and "._" in name.replace(".__", ".")]


def test_private_names_of_sklearn_have_one_door():
    folders = [folder for folder in ("statlearn", "tests", "examples", "benchmarks") if (PROJECT / folder).is_dir()]
    files = [path for folder in folders for path in (PROJECT / folder).rglob("*.py") if path != DOOR]
    wrong = {str(path): names for path in files if (names := private_sklearn_names(path.read_text("utf-8")))}
    assert not wrong
    assert private_sklearn_names(DOOR.read_text("utf-8"))


def test_tables_are_read_by_functions_that_refuse_dates():
    """scikit-learn's own take a date for a number; those of `statlearn._support.validation` do not."""
    own = "statlearn._support.validation"
    names = {"check_array", "check_X_y", "_check_sample_weight", "validate_data"}
    imported = [(module, target) for module, found in own_imports().items() for target, _ in found]
    wrong = [
        f"{module} imports {target}"
        for module, target in imported
        if target.rpartition(".")[2] in names
        and own not in (module, target.rpartition(".")[0])
        and not module.endswith("._sklearn")
    ]
    assert not wrong, f"import them from {own}: {wrong}"
    assert any(target == f"{own}.validate_data" for _, target in imported)


@pytest.mark.parametrize(
    "line",
    [
        "from sklearn.base import _fit_context",
        "from sklearn.utils._tags import Tags",
        "import sklearn.linear_model._base as base",
        "x = sklearn.utils._tags.Tags",
        "def f():\n    from sklearn.utils.validation import _num_samples",
    ],
)
def test_private_names_are_noticed(line):
    assert private_sklearn_names(line)
    assert not private_sklearn_names("import sklearn\nfrom sklearn.base import clone\nsklearn.__version__\nmy._private")


def run_python(code):
    return subprocess.run([sys.executable, "-c", code], cwd=PROJECT, capture_output=True, text=True, check=True).stdout


def modules_after_importing(module):
    return set(run_python(f"import sys, {module}; print(*sys.modules)").split())


@pytest.mark.parametrize("module", ["statlearn", "statlearn.certificate", "statlearn.exceptions"])
def test_the_face_loads_nothing_heavy(module):
    loaded = modules_after_importing(module)
    assert module in loaded
    assert not loaded & (LOADED_ON_FIRST_USE | {"sklearn", "scipy"})


@pytest.mark.parametrize("module", ["statlearn.datasets", "statlearn.ordinal"])
def test_a_family_adds_compiled_kernels_and_nothing_heavier(module):
    loaded = modules_after_importing(module) - modules_after_importing("sklearn")  # which loads pandas where it is
    assert module in loaded
    assert not loaded & (LOADED_ON_FIRST_USE - {"numba"})


def test_importing_the_package_is_cheap():
    code = "from time import perf_counter; begin = perf_counter(); import {}; print(perf_counter() - begin)"
    times = {"sklearn": [], "statlearn": []}
    for _ in range(IMPORT_REPEATS):
        for module, seconds in times.items():
            seconds.append(float(run_python(code.format(module))))
    assert median(times["statlearn"]) <= IMPORT_ALLOWANCE * median(times["sklearn"])


def test_sub_modules_appear_on_first_use():
    assert run_python("import statlearn; print(statlearn.ordinal.__name__)").strip() == "statlearn.ordinal"
    assert set(statlearn.__all__) <= set(dir(statlearn))
    with pytest.raises(AttributeError, match="module 'statlearn' has no attribute 'regression'"):
        statlearn.regression  # noqa: B018
