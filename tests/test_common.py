"""What every public estimator must do: scikit-learn's checks, and the promises of this library."""

import copy
import inspect
import os
import pickle
import re
import subprocess
import sys
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest
from scipy.sparse import csr_array
from sklearn.base import clone, is_classifier
from sklearn.tree import DecisionTreeClassifier
from sklearn.utils import estimator_checks, get_tags
from sklearn.utils.validation import has_fit_parameter

from statlearn._support.base import unchanged_on_error
from statlearn.certificate import Certificate, Check
from statlearn.debias import FunctionScore, GaussianMixtureScore, KDEScore, LinearCalibrationCorrector, SplineScore
from statlearn.debias._calibration_sample import CalibrationSample
from statlearn.debias._linear_correction import LinearCorrection
from statlearn.debias._mixture_density import Mixture
from statlearn.debias._recalibration import IsotonicRecalibration, LinearRecalibration
from statlearn.debias._residual_noise import EvenNoise, UnevenNoise
from statlearn.debias._sieve import SieveCorrection
from statlearn.debias._spline_basis import SplineBasis
from statlearn.debias._tails import ScoreTails
from statlearn.debias._tweedie import TweedieCorrection
from statlearn.design import Chebyshev, Design, Fourier, Hermite, Jacobi, Laguerre, Legendre, PolynomialBasis
from statlearn.design._index_sets import IndexSet
from statlearn.design._leverage import Pool, ScaledRows
from statlearn.design._product_basis import ProductBasis, TorusBasis
from statlearn.fairness import ProtectedEncoder
from statlearn.frechet import (
    ChainMetric,
    DiscreteMetric,
    EmbeddingMetric,
    GraphMetric,
    GridMetric,
    PrecomputedMetric,
    TreeMetric,
)
from statlearn.frechet._decision_rule import DecisionRule
from statlearn.frechet._tree import RootedTree
from statlearn.graph import SpectralGraph
from statlearn.gromov import DenseCost
from statlearn.gromov._collections import NetworkCollection
from statlearn.gromov._network import MeasureNetwork
from statlearn.gromov._pair_solver import PairSolver
from statlearn.gromov._result import GromovWassersteinResult
from statlearn.market import ConstantBetting
from statlearn.market._leaves import ForestParticipants, LeafTotals
from statlearn.market._ledger import Ledger
from statlearn.market._training import History
from statlearn.market._trees import FlatTrees

from .discovery import (
    CHECK_ARGUMENTS,
    COLLECTION_INPUT,
    GRAPH_INPUT,
    NODE_INPUT,
    PREDICTION_INPUT,
    fitted,
    make_checked,
    make_estimator,
    public_estimators,
    public_modules,
    public_objects,
)

PROJECT = Path(__file__).resolve().parents[1]
ESTIMATORS = public_estimators()
NAMES = [estimator.__name__ for estimator in ESTIMATORS]

# The search must find these, so that a broken search cannot pass by finding nothing.
KNOWN = {
    "DPPLeastSquares",
    "DistanceCovarianceFairRegressor",
    "DiagonalLDA",
    "KernelKMeans",
    "LargeStepLogisticClassifier",
    "LokiClassifier",
    "MarketForestClassifier",
    "NodeKernelClassifier",
    "PrestoClassifier",
    "PrestoClassifierCV",
    "ProportionalOddsClassifier",
    "TestableHalfspaceClassifier",
    "TweedieCorrector",
}

# Checks of scikit-learn that an estimator cannot pass, with the reason: {estimator: {check: reason}}.
X_IS_NO_TABLE = "X is a graph, and this check feeds a table of features"
ONE_EDGE = "a graph of one node with a loop beside nodes without edges is refused as disconnected, which is the cure"
ORDER_IS_THE_GRAPH = "it transforms some rows, or rows in another order, which is another graph"
ORDER_OF_ROWS = "budgets are earned row after row, and repeated rows have other folds and bootstrap samples"
NO_FEATURES = "it gives names of features to get_feature_names_out, and a graph has none"
CLUSTERER_FAILURES = {
    "check_clustering": X_IS_NO_TABLE,
    "check_dataframe_column_names_consistency": X_IS_NO_TABLE,
    "check_estimator_sparse_array": X_IS_NO_TABLE,
    "check_estimator_sparse_matrix": X_IS_NO_TABLE,
    "check_estimator_sparse_tag": X_IS_NO_TABLE,
    "check_fit2d_1feature": ONE_EDGE,
}
TWO_PARTS = "it learns from a part of the rows, and a repeated row may be in both parts"
FEW_ROWS = "there are fewer rows than columns, and it needs as many as functions; tests/design has the check with one"
EXPECTED_FAILURES = {
    "GraphKernelKMeans": CLUSTERER_FAILURES,
    "GraphKernelWard": CLUSTERER_FAILURES,
    "GromovSignature": {
        "check_transformer_get_feature_names_out": NO_FEATURES,
        "check_transformer_get_feature_names_out_pandas": NO_FEATURES,
    },
    "MarketForestClassifier": {"check_sample_weight_equivalence_on_dense_data": ORDER_OF_ROWS},
    "MarketForestRegressor": {"check_sample_weight_equivalence_on_dense_data": ORDER_OF_ROWS},
    "NodeKernel": {
        "check_dataframe_column_names_consistency": X_IS_NO_TABLE,
        "check_estimators_nan_inf": X_IS_NO_TABLE,
        "check_fit_idempotent": "it transforms other nodes than those of fit, and a kernel knows only its graph",
        "check_methods_sample_order_invariance": ORDER_IS_THE_GRAPH,
        "check_methods_subset_invariance": ORDER_IS_THE_GRAPH,
        "check_set_output_transform_pandas": X_IS_NO_TABLE,
        "check_transformer_get_feature_names_out_pandas": X_IS_NO_TABLE,
    },
    "TestableHalfspaceClassifier": {
        "check_sample_weight_equivalence_on_dense_data": TWO_PARTS,
        "check_sample_weight_equivalence_on_sparse_data": TWO_PARTS,
    },
    "PredictionMarketClassifier": {"check_sample_weight_equivalence_on_dense_data": ORDER_OF_ROWS},
    "PredictionMarketRegressor": {
        "check_sample_weight_equivalence_on_dense_data": ORDER_OF_ROWS,
        "check_sample_weight_equivalence_on_sparse_data": ORDER_OF_ROWS,
    },
    "WeightedLeastSquaresApproximator": {"check_sample_weight_equivalence_on_dense_data": FEW_ROWS},
}

# Functions without scikit-learn's check of parameters, with the reason.
ARRAYS_ALONE = "it takes arrays alone, and reads them itself"
OWN_WORDS = "it takes graphs, whose options are refused in words of their own; see tests of its family"
FAMILY_OR_NAME = "beside arrays it takes a family of polynomials, or its name, which is looked up"
CHECKED_INSIDE = {
    "statlearn.design.induced_cdf": FAMILY_OR_NAME,
    "statlearn.design.induced_ppf": FAMILY_OR_NAME,
    "statlearn.graph.copeland_score": ARRAYS_ALONE,
    "statlearn.graph.kernel_to_distance": ARRAYS_ALONE,
    "statlearn.graph.list_node_kernels": "it takes nothing",
    "statlearn.graph.node_distance": OWN_WORDS,
    "statlearn.graph.node_kernel": OWN_WORDS,
    "statlearn.graph.reject_curve": ARRAYS_ALONE,
    "statlearn.gromov.graph_cost": OWN_WORDS,
    "statlearn.linear.safe_step_radius": ARRAYS_ALONE,
    "statlearn.market.linear_opinion_pool": ARRAYS_ALONE,
    "statlearn.market.logarithmic_opinion_pool": ARRAYS_ALONE,
    "statlearn.ordinal.ordinal_log_likelihood": ARRAYS_ALONE,
    "statlearn.ordinal.rearrange_cumulative": ARRAYS_ALONE,
}

# Estimators whose certificate rightly does not hold on the rows of these tests.
REFUSED = {"DiagonalLDA"}  # features depend on each other

# What a model of graphs keeps of its collection, beside itself and its certificate.
COLLECTION_TYPES = (NetworkCollection, MeasureNetwork, DenseCost, PairSolver, GromovWassersteinResult)

# What a correction of predictions keeps.
SCORES = (FunctionScore, GaussianMixtureScore, KDEScore, Mixture, ScoreTails, SplineScore)
RECALIBRATIONS = (EvenNoise, IsotonicRecalibration, LinearRecalibration, UnevenNoise)
CORRECTIONS = (LinearCorrection, SieveCorrection, TweedieCorrection)
CORRECTION_TYPES = (LinearCalibrationCorrector, *CORRECTIONS, *RECALIBRATIONS, *SCORES, CalibrationSample, SplineBasis)

# What a basis, a pool or a design keeps.
FAMILIES = (Chebyshev, Fourier, Hermite, Jacobi, Laguerre, Legendre)
DESIGN_TYPES = (*FAMILIES, Design, IndexSet, Pool, PolynomialBasis, ProductBasis, ScaledRows, TorusBasis)

# What a market keeps beside itself, its participants and its certificate.
TREE = type(DecisionTreeClassifier().fit([[0], [1]], [0, 1]).tree_)
MARKET_TYPES = (ConstantBetting, FlatTrees, ForestParticipants, History, LeafTotals, Ledger, TREE, csr_array)

# What a classifier keeps of its label space.
LABEL_TYPES = (
    ChainMetric,
    DecisionRule,
    DiscreteMetric,
    EmbeddingMetric,
    GraphMetric,
    GridMetric,
    PrecomputedMetric,
    RootedTree,
    TreeMetric,
)

# Checks that scikit-learn has but never runs by itself.
EXTRA_CHECKS = ["check_dataframe_column_names_consistency", "check_inplace_ensure_writeable", "check_param_validation"]
EXTRA_TRANSFORMER_CHECKS = [
    "check_get_feature_names_out_error",
    "check_set_output_transform_pandas",
    "check_set_output_transform_polars",
    "check_transformer_get_feature_names_out",
    "check_transformer_get_feature_names_out_pandas",
]

# For estimators whose X is one column, of node ids or of predictions, every other check feeds tables of features or
# targets that have nothing to do with them: these need no data. `check_estimator` runs none of the others on
# estimators of vectors, as it does not on IsotonicRegression.
DATA_FREE_CHECKS = [
    "check_do_not_raise_errors_in_init_or_set_params",
    "check_estimator_cloneable",
    "check_estimator_repr",
    "check_estimator_tags_renamed",
    "check_get_params_invariance",
    "check_mixin_order",
    "check_no_attributes_set_in_init",
    "check_parameters_default_constructible",
    "check_set_params",
    "check_valid_tag_types",
]

# scikit-learn's checks fit string labels and tiny or separable data, about which a fit may rightly warn.
IGNORED_WARNINGS = [
    "ignore::scipy.linalg.LinAlgWarning",
    "ignore::sklearn.exceptions.ConvergenceWarning",
    "ignore::statlearn.exceptions.ClassOrderWarning",
    "ignore::statlearn.exceptions.CrossingWarning",
    "ignore::statlearn.exceptions.ExtrapolationWarning",
    "ignore::statlearn.exceptions.InSampleWarning",
    "ignore::statlearn.exceptions.RankDeficientWarning",
    "ignore::statlearn.exceptions.RareClassWarning",
    "ignore::statlearn.exceptions.SelfLoopWarning",
    "ignore::statlearn.exceptions.SupportWarning",
    "ignore::statlearn.exceptions.WeakCalibrationWarning",
]
pytestmark = [pytest.mark.filterwarnings(line) for line in IGNORED_WARNINGS]

ONE_COLUMN = NODE_INPUT | PREDICTION_INPUT

every_estimator = pytest.mark.parametrize("estimator_class", ESTIMATORS, ids=NAMES)


def outputs(estimator, X):
    """Everything the estimator says about new rows, by method."""
    methods = ("predict", "predict_proba", "decision_function", "transform", "score_samples")
    found = {method: getattr(estimator, method)(X) for method in methods if hasattr(estimator, method)}
    if not found and hasattr(estimator, "kneighbors"):
        return {"kneighbors": estimator.kneighbors(X)}
    if not found and hasattr(estimator, "sample"):
        return {"sample": estimator.sample()}
    return found or {"labels_": estimator.labels_}


def assert_same_outputs(first, second, X):
    expected, found = outputs(first, X), outputs(second, X)
    assert expected.keys() == found.keys()
    assert expected
    for method, values in expected.items():
        np.testing.assert_array_equal(values, found[method], err_msg=method)


def test_the_search_finds_what_is_known():
    assert set(NAMES) >= KNOWN
    assert len(set(NAMES)) == len(NAMES)
    assert {"statlearn.ordinal", "statlearn.datasets", "statlearn.certificate"} <= set(public_modules())
    assert public_objects()["statlearn.certificate.Certificate"] is Certificate


def test_public_modules_declare_their_names():
    for name, module in public_modules().items():
        assert len(set(module.__all__)) == len(module.__all__), name
        assert not [public for public in module.__all__ if public.startswith("_") and public != "__version__"], name
        assert all(hasattr(module, public) for public in module.__all__), name


def test_tables_name_what_exists():
    checks = {name for name, _ in inspect.getmembers(estimator_checks, inspect.isfunction)}
    assert set(CHECK_ARGUMENTS) | set(EXPECTED_FAILURES) <= set(NAMES)
    for failures in EXPECTED_FAILURES.values():
        assert set(failures) <= checks
        assert all(reason.strip() for reason in failures.values())
    assert set(EXTRA_CHECKS + EXTRA_TRANSFORMER_CHECKS + DATA_FREE_CHECKS) <= checks
    assert set(NAMES) >= COLLECTION_INPUT | GRAPH_INPUT | ONE_COLUMN


# On a dozen rows an unbiased dependence is negative by chance, which a fair fit says.
@pytest.mark.filterwarnings("ignore::statlearn.exceptions.NegativePenaltyWarning")
@estimator_checks.parametrize_with_checks(
    [make_checked(estimator_class) for estimator_class in ESTIMATORS if estimator_class.__name__ not in ONE_COLUMN],
    expected_failed_checks=lambda estimator: EXPECTED_FAILURES.get(type(estimator).__name__, {}),
    xfail_strict=True,
)
def test_sklearn_check(estimator, check):
    check(estimator)


@pytest.mark.parametrize("check_name", DATA_FREE_CHECKS)
@pytest.mark.parametrize("estimator_class", [known for known in ESTIMATORS if known.__name__ in ONE_COLUMN])
def test_check_without_data(estimator_class, check_name):
    getattr(estimator_checks, check_name)(estimator_class.__name__, make_estimator(estimator_class))


def extra_checks():
    """Pairs of an estimator class and the name of a check that scikit-learn does not run by itself."""
    for estimator_class in ESTIMATORS:
        if estimator_class.__name__ in ONE_COLUMN:
            yield estimator_class, "check_param_validation"
            if estimator_class.__name__ in PREDICTION_INPUT:
                yield estimator_class, "check_requires_y_none"
            continue
        names = EXTRA_CHECKS + (EXTRA_TRANSFORMER_CHECKS if hasattr(estimator_class, "transform") else [])
        failures = EXPECTED_FAILURES.get(estimator_class.__name__, {})
        yield from ((estimator_class, name) for name in names if name not in failures)


@pytest.mark.filterwarnings("ignore:X (does not have valid|has) feature names")  # checks mix frames and arrays
@pytest.mark.parametrize(("estimator_class", "check_name"), list(extra_checks()))
def test_check_that_sklearn_does_not_run(estimator_class, check_name):
    getattr(estimator_checks, check_name)(estimator_class.__name__, make_checked(estimator_class))


def test_array_api_checks_in_a_process_that_allows_them():
    command = [
        sys.executable,
        "-m",
        "pytest",
        "-q",
        "-p",
        "no:cacheprovider",
        __file__,
        "-k",
        "test_sklearn_check and array_api",
    ]
    done = subprocess.run(
        command, env={**os.environ, "SCIPY_ARRAY_API": "1"}, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout
    assert "passed" in done.stdout
    assert "skipped" not in done.stdout


@every_estimator
def test_every_parameter_has_a_constraint(estimator_class):
    parameters = set(make_estimator(estimator_class).get_params(deep=False))
    constraints = getattr(estimator_class, "_parameter_constraints", None)
    assert constraints is not None, "add _parameter_constraints to the class: an entry for each parameter of __init__"
    assert set(constraints) == parameters, "_parameter_constraints must have an entry for each parameter, and no others"


def test_functions_check_their_parameters():
    functions = {name: thing for name, thing in public_objects().items() if inspect.isfunction(thing)}
    unchecked = {name for name, function in functions.items() if not hasattr(function, "_skl_parameter_constraints")}
    assert functions.keys() > unchecked
    added = sorted(unchecked - CHECKED_INSIDE.keys())
    assert not added, f"decorate {added} with validate_params of statlearn._support._sklearn"
    mended = sorted(CHECKED_INSIDE.keys() - unchecked)
    assert not mended, f"delete {mended} from CHECKED_INSIDE: they are decorated, or no public functions"


def test_decorated_functions_check_every_option():
    """Arrays are read, and refused, by the function itself; what has a default that is no None is an option."""
    for name, function in public_objects().items():
        if inspect.isfunction(function) and hasattr(function, "_skl_parameter_constraints"):
            parameters = inspect.signature(function).parameters
            options = {key for key, value in parameters.items() if value.default not in (None, inspect.Parameter.empty)}
            missing = sorted(options - function._skl_parameter_constraints.keys())
            assert not missing, f"add constraints of {missing} to validate_params of {name}"


@every_estimator
def test_fit_leaves_a_certificate(estimator_class):
    certificate = fitted(estimator_class)[0].certificate_
    assert isinstance(certificate, Certificate)
    assert certificate.checks
    assert certificate.assumptions
    assert (certificate.holds is False) == (estimator_class.__name__ in REFUSED), str(certificate)


@every_estimator
def test_assumptions_are_clauses(estimator_class):
    """They stand in a list below the checks: no capital at the beginning, no full stop."""
    for text in fitted(estimator_class)[0].certificate_.assumptions:
        assert not text.endswith(".")
        assert text[0].islower()


@every_estimator
def test_clone(estimator_class):
    model = fitted(estimator_class)[0]
    twin = clone(model)
    assert repr(twin.get_params(deep=False)) == repr(make_estimator(estimator_class).get_params(deep=False))
    assert not [name for name in vars(twin) if name.endswith("_")]


@every_estimator
def test_pickle_and_copy(estimator_class):
    model, X, _ = fitted(estimator_class)
    for twin in (pickle.loads(pickle.dumps(model)), copy.deepcopy(model)):
        assert vars(twin).keys() == vars(model).keys()
        assert twin.certificate_ == model.certificate_
        assert_same_outputs(model, twin, X)


@every_estimator
def test_skops_round_trip_trusts_only_our_own_names(estimator_class):
    skops_io = pytest.importorskip("skops.io")
    model, X, _ = fitted(estimator_class)
    data = skops_io.dumps(model)
    trusted = skops_io.get_untrusted_types(data=data)
    own = {type(model), type(model.certificate_), Check, SpectralGraph, ProtectedEncoder}
    own |= {*COLLECTION_TYPES, *CORRECTION_TYPES, *DESIGN_TYPES, *LABEL_TYPES, *MARKET_TYPES}
    assert set(trusted) <= {f"{thing.__module__}.{thing.__qualname__}" for thing in own}
    twin = skops_io.loads(data, trusted=trusted)
    assert twin.certificate_ == model.certificate_
    assert_same_outputs(model, twin, X)


def infinite_value(X, y):
    bad = X.astype(np.float64)
    bad[-1] = np.inf
    return {"X": bad, "y": y}


def missing_value(X, y):
    bad = X.astype(np.float64)
    bad[-1] = np.nan
    return {"X": bad, "y": y}


def constant_target(X, y):
    return {"X": X, "y": np.full_like(y, y[0])}


def too_many_weights(X, y):
    """Noticed after the table, whose number of columns is stored by then."""
    return {"X": X, "y": y, "sample_weight": np.ones(len(y) + 1)}


@every_estimator
@pytest.mark.parametrize("spoil", [missing_value, infinite_value, constant_target, too_many_weights])
def test_a_fit_that_fails_leaves_the_estimator_as_it_was(estimator_class, spoil):
    _, X, y = fitted(estimator_class)
    model = make_estimator(estimator_class).fit(X, y)
    before = dict(vars(model))
    narrow = X[(slice(None), *[slice(2)] * (X.ndim - 1))]  # two features, or two nodes
    bad = spoil(narrow, y)
    takes_one_class = estimator_class.__name__ in {*COLLECTION_INPUT, "LokiClassifier"}
    if spoil is constant_target and (not is_classifier(model) or takes_one_class):
        pytest.skip("a constant target is no error for this estimator")
    if spoil is missing_value and get_tags(model).input_tags.allow_nan:
        pytest.skip("a missing value is no error for this estimator")
    if spoil is too_many_weights and not has_fit_parameter(model, "sample_weight"):
        pytest.skip("this estimator takes no weights")
    with pytest.raises(ValueError, match="(?i)nan|inf|class|weight|inconsistent numbers"):
        model.fit(**bad)
    hint = "decorate fit with statlearn._support.base.unchanged_on_error"
    assert vars(model).keys() == before.keys(), hint
    assert all(vars(model)[name] is value for name, value in before.items()), hint


@every_estimator
def test_fit_is_guarded(estimator_class):
    """Some fits look at all that can be spoiled before they store anything, and may yet be interrupted later."""
    guard = unchanged_on_error(lambda self: self).__code__
    assert estimator_class.fit.__code__ is guard, "decorate fit with statlearn._support.base.unchanged_on_error, on top"


@every_estimator
def test_the_same_fit_twice_is_the_same(estimator_class):
    model, X, y = fitted(estimator_class)
    assert_same_outputs(model, make_estimator(estimator_class).fit(X, y), X)


@every_estimator
@pytest.mark.parametrize("writeable", [True, False])
def test_input_is_left_alone(estimator_class, writeable):
    model, X, y = fitted(estimator_class)
    own_X, own_y = X.copy(), y.copy()
    for array in (own_X, own_y):
        array.setflags(write=writeable)
    assert_same_outputs(model, make_estimator(estimator_class).fit(own_X, own_y), own_X)
    np.testing.assert_array_equal(own_X, X)
    np.testing.assert_array_equal(own_y, y)


@every_estimator
@pytest.mark.parametrize("library", ["pandas", "polars"])
def test_data_frames(estimator_class, library):
    frames = pytest.importorskip(library)
    if estimator_class.__name__ in GRAPH_INPUT:
        pytest.skip("a data frame of a graph has node names in both directions: tests/graph/test_spectral_graph.py")
    if estimator_class.__name__ in COLLECTION_INPUT:
        pytest.skip("a list of graphs is no data frame: tests/gromov/test_collections.py")
    if estimator_class.__name__ in PREDICTION_INPUT:
        pytest.skip("predictions come as a vector, and columns have no names: tests/debias/test_correctors.py")
    model, X, y = fitted(estimator_class)
    names = ["first", "second", "third"][: X.shape[1]]
    frame = frames.DataFrame(dict(zip(names, X.T, strict=True)))
    twin = make_estimator(estimator_class).fit(frame, y)
    assert list(twin.feature_names_in_) == names
    expected, found = outputs(model, X), outputs(twin, frame)
    for method, values in expected.items():
        # A frame may arrive in another memory order, which changes the order of sums.
        np.testing.assert_allclose(values, found[method], rtol=1e-7, atol=1e-9, err_msg=method)


@every_estimator
def test_documentation_link_points_at_the_public_page(estimator_class):
    public_name = next(name for name, thing in public_objects().items() if thing is estimator_class)
    link = make_estimator(estimator_class)._get_doc_link()
    assert link.endswith(f"/api/generated/{public_name}.html"), (
        f"the link is {link!r}: derive from statlearn._support.base.StatlearnEstimator, and write the class in one of "
        "the files of its family"
    )


GUIDE = PROJECT / "docs" / "development.md"


@pytest.mark.skipif(not GUIDE.is_file(), reason="there is no guide beside the tests")
def test_the_skeleton_of_the_development_guide(monkeypatch):
    (code,) = re.findall(r"^```python\n(.*?)^```$", GUIDE.read_text("utf-8"), re.M | re.S)
    module = ModuleType("statlearn.linear._skeleton")  # in a family, as its relative imports want it
    module.__package__ = "statlearn.linear"
    monkeypatch.setitem(sys.modules, module.__name__, module)  # where pickles look for it
    exec(compile(code, GUIDE, "exec"), vars(module))
    (name,) = module.__all__
    estimator_class = getattr(module, name)
    estimator_checks.check_estimator(estimator_class(), on_skip=None)
    test_every_parameter_has_a_constraint(estimator_class)
    test_fit_is_guarded(estimator_class)
    for spoil in (infinite_value, constant_target, too_many_weights):
        test_a_fit_that_fails_leaves_the_estimator_as_it_was(estimator_class, spoil)
    test_fit_leaves_a_certificate(estimator_class)
    test_assumptions_are_clauses(estimator_class)
    test_pickle_and_copy(estimator_class)
    test_input_is_left_alone(estimator_class, writeable=False)
