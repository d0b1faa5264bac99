"""Every public object is documented: numpydoc's rules, every parameter, every fitted attribute, a running example."""

import dataclasses
import inspect
import re
import tomllib
from pathlib import Path

import pytest

from .discovery import fitted, public_estimators, public_modules, public_objects

numpydoc_validate = pytest.importorskip("numpydoc.validate")
docscrape = pytest.importorskip("numpydoc.docscrape")

PROJECT = Path(__file__).resolve().parents[1]
OBJECTS = public_objects()

every_estimator = pytest.mark.parametrize("estimator_class", public_estimators(), ids=lambda thing: thing.__name__)

pytestmark = [
    pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning"),
    pytest.mark.filterwarnings("ignore::statlearn.exceptions.CrossingWarning"),
]


def rules_in_force():
    """The codes of pyproject.toml: all but the listed ones."""
    listed = tomllib.loads((PROJECT / "pyproject.toml").read_text("utf-8"))["tool"]["numpydoc_validation"]["checks"]
    assert listed[0] == "all"
    return set(numpydoc_validate.ERROR_MSGS) - set(listed)


def documented_names():
    """Every public object, and every public method or property that the library itself defines."""
    for name, thing in OBJECTS.items():
        yield name
        if not inspect.isclass(thing):
            continue
        for member_name, member in inspect.getmembers(thing):
            function = member.fget if isinstance(member, property) else member
            if not member_name.startswith("_") and callable(function) and defined_here(function):
                yield f"{name}.{member_name}"


def defined_here(function):
    # Methods that scikit-learn makes for us, such as set_fit_request, are documented by scikit-learn.
    return getattr(function, "__module__", "").split(".")[0] == "statlearn" and hasattr(function, "__code__")


def broken_rules(name):
    broken = numpydoc_validate.validate(name)["errors"]
    waived = {"PR01"} if is_result(OBJECTS.get(name)) else set()
    return [f"{code}: {message}" for code, message in broken if code in rules_in_force() - waived]


def is_result(thing):
    """Whether a class is a record that functions return: its fields are documented as attributes."""
    fields = [field.name for field in dataclasses.fields(thing)] if dataclasses.is_dataclass(thing) else []
    return bool(fields) and set(fields) <= set(section(thing, "Attributes"))


@pytest.mark.parametrize("name", list(documented_names()))
def test_numpydoc(name):
    assert not broken_rules(name)


def badly_documented(shape, size):
    """Do something

    Parameters
    ----------
    shape : int
        the shape

    Returns
    -------
    int
    """
    return shape * size


def test_the_rules_notice_a_bad_docstring():
    broken = {rule[:4] for rule in broken_rules(f"{__name__}.badly_documented")}
    assert broken == {"SS03", "PR01", "PR08", "PR09", "RT03"}
    assert {"statlearn.certificate.Certificate", "statlearn.certificate.Certificate.to_frame"} <= set(
        documented_names()
    )


@pytest.mark.parametrize("name", OBJECTS)
def test_every_public_object_has_an_example(name):
    assert ">>> " in inspect.getdoc(OBJECTS[name])


def section(thing, title):
    """The names listed in a section of a docstring; one entry may list several, separated by commas."""
    entries = docscrape.NumpyDocString(inspect.getdoc(thing))[title]
    return [name.strip() for entry in entries for name in entry.name.split(",")]


# Functions whose docstring has no section of errors, with the reason.
WITHOUT_ERRORS = {
    "statlearn.design.recommended_n_samples": "it refuses invalid parameters, and nothing else",
    "statlearn.frechet.metric_scorer": "the scorer looks at the data, not the function that makes it",
    "statlearn.graph.list_node_kernels": "it takes no argument",
    "statlearn.ordinal.rearrange_cumulative": "it takes a table of any finite numbers",
}


def test_public_functions_say_what_they_refuse():
    functions = {name: thing for name, thing in OBJECTS.items() if inspect.isfunction(thing)}
    silent = {name for name, function in functions.items() if not section(function, "Raises")}
    assert functions.keys() > silent
    added = sorted(silent - WITHOUT_ERRORS.keys())
    assert not added, f"add a Raises section to the docstrings of {added}: which errors, and for what"
    mended = sorted(WITHOUT_ERRORS.keys() - silent)
    assert not mended, f"delete {mended} from WITHOUT_ERRORS: they have a Raises section, or are no public functions"


# Attributes that only some parameters make, beside feature_names_in_, which needs data with column names.
CONDITIONAL = {"NodeKernel": {"distance_", "features_"}}


@every_estimator
def test_every_constructor_parameter_is_documented(estimator_class):
    parameters = list(inspect.signature(estimator_class).parameters)
    assert section(estimator_class, "Parameters") == parameters


@every_estimator
def test_every_fitted_attribute_is_documented(estimator_class):
    model = fitted(estimator_class)[0]
    learned = {name for name in vars(model) if name.endswith("_") and not name.startswith("_")}
    documented = section(estimator_class, "Attributes")
    assert len(set(documented)) == len(documented)
    assert learned <= set(documented)
    absent = {name for name in documented if not hasattr(model, name)}
    assert absent <= {"feature_names_in_"} | CONDITIONAL.get(estimator_class.__name__, set())


def test_fit_is_documented_with_its_metadata():
    for estimator_class in public_estimators():
        parameters = list(inspect.signature(estimator_class.fit).parameters)
        documented = [name.lstrip("*") for name in section(estimator_class.fit, "Parameters")]
        assert documented == parameters[1:], estimator_class.__name__


API_PAGES = PROJECT / "docs" / "api"


def names_on_page(text):
    """The dotted names that a page of the API reference lists in ``autosummary``."""
    (module,) = re.findall(r"^\.\. currentmodule:: (\S+)$", text, re.M)
    lists = re.findall(r"^\.\. autosummary::\n((?:(?: {3}.*)?\n)*)", text, re.M)
    lines = [line.strip() for lines in lists for line in lines.splitlines()]
    return [f"{module}.{line}" for line in lines if line and not line.startswith(":")]


def names_of(module_name):
    """The dotted names of all that a public module offers."""
    return {f"{module_name}.{name}" for name in public_modules()[module_name].__all__}


@pytest.mark.skipif(not API_PAGES.is_dir(), reason="there are no pages beside the tests")
@pytest.mark.parametrize("module_name", [name for name in public_modules() if name != "statlearn"])
def test_every_public_name_is_in_the_api_reference(module_name):
    page = API_PAGES / f"{module_name.rpartition('.')[2]}.rst"
    assert page.is_file(), (
        f"write docs/api/{page.name}, with {module_name} as its currentmodule, and list it in index.rst"
    )
    listed, offered = names_on_page(page.read_text("utf-8")), names_of(module_name)
    missing = sorted(name for name in OBJECTS if name in offered - set(listed))
    assert not missing, f"list {missing} in an autosummary of docs/api/{page.name}, or take them out of __all__"
    strangers = sorted(set(listed) - offered)
    assert not strangers, f"docs/api/{page.name} lists {strangers}, which are not in __all__ of {module_name}"
    assert len(set(listed)) == len(listed), f"docs/api/{page.name} lists a name twice"


@pytest.mark.skipif(not API_PAGES.is_dir(), reason="there are no pages beside the tests")
def test_every_page_of_the_api_reference_is_of_a_public_module():
    modules = {name.rpartition(".")[2] for name in public_modules() if name != "statlearn"}
    assert {page.stem for page in API_PAGES.glob("*.rst")} == {"index", *modules}


def test_pages_are_read_correctly():
    page = """
.. currentmodule:: statlearn.family

.. autosummary::
   :toctree: generated

   first

   Second

Words
-----

.. autosummary::
   third
"""
    expected = ["statlearn.family.first", "statlearn.family.Second", "statlearn.family.third"]
    assert names_on_page(page) == expected
