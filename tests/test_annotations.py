"""Every public function and method says the types of what it takes and returns. What mypy makes of it: tests/typing."""

import inspect
import typing
from functools import cached_property
from pathlib import Path
from types import NoneType

import numpy as np
import pytest

import statlearn
from statlearn._support._sklearn import StrOptions
from statlearn.certificate import Check

from .discovery import public_objects

SPECIAL = {"__init__", "__bool__", "__getitem__", "__len__"}

# Options that pass the first check and are refused with an explanation.
EXPLAINED = {("joint_distance_covariance", "method"): {"sliced"}}


def function_of(member):
    """The function behind a method, property or other descriptor of a class."""
    for attribute in ("__func__", "fget", "func", "fn"):
        member = getattr(member, attribute, member)
    return inspect.unwrap(member) if inspect.isfunction(member) else None


def own_functions(owner):
    """The public functions, methods and properties of a class or function that the library defines, by name."""
    if inspect.isfunction(owner):
        return {"": owner}
    members = {
        name: function_of(inspect.getattr_static(owner, name))
        for name in dir(owner)
        if name in SPECIAL or not name.startswith("_")
    }
    return {f".{name}": member for name, member in members.items() if member is not None and is_ours(member)}


def is_ours(function):
    return (function.__module__ or "").split(".")[0] == "statlearn"


FUNCTIONS = {
    name + suffix: function
    for name, thing in public_objects().items()
    for suffix, function in own_functions(thing).items()
}
every_function = pytest.mark.parametrize("function", FUNCTIONS.values(), ids=FUNCTIONS)


def unannotated(function):
    """The parameters without a type, and "return" if the function does not say what it returns."""
    signature = inspect.signature(function)
    parameters = [parameter for name, parameter in signature.parameters.items() if name not in ("self", "cls")]
    found = [parameter.name for parameter in parameters if parameter.annotation is inspect.Parameter.empty]
    return found + ["return"] * (signature.return_annotation is inspect.Signature.empty)


def alternatives(hint):
    """The members of a union, or the type itself."""
    union = typing.get_origin(hint) in (typing.Union, type(int | str))
    return [part for member in typing.get_args(hint) for part in alternatives(member)] if union else [hint]


def options(hint):
    """The strings that a type lists."""
    listed = [typing.get_args(part) for part in alternatives(hint) if typing.get_origin(part) is typing.Literal]
    return {value for values in listed for value in values if isinstance(value, str)}


@every_function
def test_is_annotated(function):
    assert not unannotated(function)
    hints = typing.get_type_hints(function)
    for name, parameter in inspect.signature(function).parameters.items():
        if parameter.default is None:
            assert {NoneType, typing.Any, object} & set(alternatives(hints[name])), f"{name}=None"


def constrained_functions():
    """Functions whose parameters scikit-learn checks, with the constraints."""
    for name, thing in public_objects().items():
        if inspect.isfunction(thing):
            yield name, thing, getattr(thing, "_skl_parameter_constraints", {})
        elif is_ours(function_of(thing.__init__) or len):
            constraints = getattr(thing.__init__, "_skl_parameter_constraints", {})
            yield name, thing.__init__, getattr(thing, "_parameter_constraints", constraints)


@pytest.mark.parametrize(
    ("function", "constraints"), [pytest.param(*rest, id=name) for name, *rest in constrained_functions()]
)
def test_options_are_those_that_are_accepted(function, constraints):
    hints = typing.get_type_hints(inspect.unwrap(function))
    for name, constraint in constraints.items():
        if name not in hints or not isinstance(constraint, list):
            continue
        accepted = {option for rule in constraint if isinstance(rule, StrOptions) for option in rule.options}
        accepted -= EXPLAINED.get((function.__name__, name), set())
        assert options(hints[name]) == accepted, name


def badly_annotated(size, shape: tuple[int, int] = None):
    return np.ones(shape) * size


class Owner:
    @property
    def size(self):
        return 1

    @cached_property
    def shape(self) -> tuple[int, int]:
        return 1, 1


def test_what_lacks_a_type_is_noticed():
    assert unannotated(badly_annotated) == ["size", "return"]
    assert unannotated(function_of(vars(Owner)["size"])) == ["return"]
    assert not unannotated(function_of(vars(Owner)["shape"]))
    with pytest.raises(AssertionError):
        test_is_annotated(badly_annotated)
    assert options(typing.get_type_hints(Check)["kind"]) == {"proof", "numerical", "test", "reported"}


def test_the_package_declares_its_types():
    assert (Path(statlearn.__file__).parent / "py.typed").is_file()
