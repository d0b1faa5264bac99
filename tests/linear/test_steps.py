"""Rules for steps: which one the parameters ask for, and how far it goes."""

import math
from types import SimpleNamespace

import numpy as np
import pytest

from statlearn.exceptions import StepSizeWarning
from statlearn.linear._steps import (
    STEP_RULES,
    BatchPerceptron,
    Fixed,
    Normalized,
    NormalizedPerceptron,
    SafeRadius,
    step_rule,
)


def a_point(mass=0.25, is_origin=False, radius=8.0):
    return SimpleNamespace(log_mass=math.log(mass), is_origin=is_origin, radius=lambda: radius)


@pytest.mark.parametrize(
    ("step_size", "rule", "length"),
    [
        ("perceptron", BatchPerceptron(), 0.25),
        ("normalized-perceptron", NormalizedPerceptron(), 1.0),
        ("normalized", Normalized(30.0), 30.0),
        ("safe-radius", SafeRadius(0.5), 4.0),
        (2, Fixed(2.0), 0.5),
        (np.float64(0.1), Fixed(0.1), 0.025),
    ],
)
def test_rules(step_size, rule, length):
    assert step_rule(step_size, 30.0, 0.5) == rule
    assert rule.length(a_point()) == pytest.approx(length)


def test_the_first_step_of_the_batch_perceptron_is_half_the_mean():
    """sigma(0) is 1/2, whatever the step size (section 3 of the paper)."""
    first = a_point(mass=1.0, is_origin=True)
    assert BatchPerceptron().length(first) == 0.5
    assert Fixed(7.0).length(a_point(mass=0.5)) == pytest.approx(7.0 * 0.5)
    assert NormalizedPerceptron().length(first) == 1.0


def test_the_table_names_every_rule_that_has_a_name():
    assert {type(step_rule(name)) for name in STEP_RULES} == {
        BatchPerceptron,
        NormalizedPerceptron,
        Normalized,
        SafeRadius,
    }


def test_parameters_that_a_rule_does_not_use_are_not_looked_at():
    assert step_rule("safe-radius", gamma=-1.0) == SafeRadius(1.0)
    assert step_rule("normalized", r=-1.0) == Normalized(100.0)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("huge",), "step_size must be a positive number or one of .*'perceptron'.* Got 'huge'"),
        ((True,), "step_size must be a positive number"),
        ((None,), "step_size must be a positive number"),
        ((0.0,), "step_size must be positive and finite. Got 0.0"),
        ((math.nan,), "step_size must be positive and finite. Got nan"),
        (("normalized", -1.0), "gamma must be positive and finite. Got -1.0"),
        (("normalized", math.inf), "gamma must be positive and finite. Got inf"),
        (("safe-radius", 1.0, 0), "r must be positive and finite. Got 0"),
    ],
)
def test_what_is_refused(arguments, message):
    with pytest.raises(ValueError, match=message):
        step_rule(*arguments)


def test_a_step_beyond_the_radius_is_allowed_with_a_warning():
    with pytest.warns(StepSizeWarning, match="r=1.5 goes beyond the radius"):
        assert step_rule("safe-radius", r=1.5) == SafeRadius(1.5)
