"""The fitted objective against an independent convex solver, and the solver's formulas against exact arithmetic."""

from decimal import Decimal, localcontext

import numpy as np
import pytest

from statlearn.ordinal import PrestoClassifier, ordinal_log_likelihood, presto_path

from .reference import (
    ConvexProgram,
    class_probabilities,
    crossing_data,
    crossing_rows,
    kkt_violation,
    log_probabilities,
    objective,
    parallel_data,
    smallest_training_gap,
)

RTOL = 1e-7  # the agreement asked for; the interior-point oracle itself is good to about 1e-9
ALPHAS = (0.1, 0.02, 0.003)
DOMAINS = ("observed", "train", "box")

PROBLEMS = {
    "parallel, K=3": lambda rng: parallel_data(rng, 80, 3, 3),
    "parallel, K=5": lambda rng: parallel_data(rng, 120, 4, 5),
    "crossing, K=3": lambda rng: crossing_data(rng, 60, 5, 3),
    "crossing, K=4": lambda rng: crossing_data(rng, 100, 4, 4),
    "crossing, K=5": lambda rng: crossing_data(rng, 120, 5, 5),
}


@pytest.fixture(params=list(PROBLEMS))
def problem(request, rng):
    X, codes, weights = PROBLEMS[request.param](rng)
    assert np.bincount(codes).min() >= 3
    return X, codes, weights


def assert_same_minimum(ours, oracle):
    assert abs(ours - oracle) <= RTOL * abs(oracle), f"ours {ours!r}, oracle {oracle!r}"


def assert_in_domain(model, X, crossing):
    """The constraints of ``crossing`` hold up to rounding."""
    if crossing == "train":
        assert smallest_training_gap(X, model.intercept_, model.coef_) >= -1e-9
    if crossing == "box":
        corners = np.array(np.meshgrid(*zip(X.min(axis=0), X.max(axis=0), strict=True))).reshape(X.shape[1], -1).T
        assert smallest_training_gap(corners, model.intercept_, model.coef_) >= -1e-9


@pytest.mark.parametrize("crossing", DOMAINS)
@pytest.mark.parametrize("base_penalty", [0.0, 0.3, 1.0])
def test_minimum_equals_the_oracle(problem, base_penalty, crossing):
    X, codes, weights = problem
    program = ConvexProgram(X, codes, crossing=crossing, base_penalty=base_penalty, weights=weights)
    for alpha in ALPHAS:
        model = PrestoClassifier(alpha, base_penalty=base_penalty, crossing=crossing)
        model.fit(X, codes, sample_weight=weights)
        ours = objective(
            X, codes, model.intercept_, model.coef_, alpha=alpha, base_penalty=base_penalty, weights=weights
        )
        assert_same_minimum(ours, program.solve(alpha)[0])
        assert model.objective_ == pytest.approx(ours, rel=1e-10)
        assert_in_domain(model, X, crossing)
        assert -1e-12 <= model.dual_gap_ <= 1e-5 * ours
        gap_bound = model.objective_ - model.dual_gap_
        assert gap_bound <= program.problem.value * (1 + RTOL)  # the duality gap is a valid lower bound


@pytest.mark.parametrize("crossing", ["train", "box"])
@pytest.mark.parametrize("base_penalty", [0.0, 1.0])
def test_path_equals_the_oracle(base_penalty, crossing, rng):
    X, codes, weights = crossing_data(rng, 90, 4, 4)
    program = ConvexProgram(X, codes, crossing=crossing, base_penalty=base_penalty, weights=weights)
    options = {"base_penalty": base_penalty, "crossing": crossing, "sample_weight": weights}
    path = presto_path(X, codes, n_alphas=8, **options)
    assert path.alphas[-1] == pytest.approx(0.01 * path.alphas[0])
    for alpha, coef, intercept, value in zip(path.alphas, path.coefs, path.intercepts, path.objectives, strict=True):
        oracle = program.solve(alpha)[0]
        assert_same_minimum(
            objective(X, codes, intercept, coef, alpha=alpha, base_penalty=base_penalty, weights=weights), oracle
        )
        assert_same_minimum(value, oracle)
        assert smallest_training_gap(X, intercept, coef) >= -1e-9


@pytest.mark.parametrize("crossing", ["train", "box"])
@pytest.mark.parametrize("name", [name for name in PROBLEMS if name.startswith("crossing")])
def test_the_crossing_problems_do_bind(name, crossing, rng):
    """Otherwise the tests above would say nothing about the constraints."""
    X, codes, weights = PROBLEMS[name](rng)
    programs = {domain: ConvexProgram(X, codes, crossing=domain, weights=weights) for domain in ("observed", crossing)}
    for alpha in ALPHAS[1:]:
        free_value, free_coef, free_intercept = programs["observed"].solve(alpha)
        value, coef, intercept = programs[crossing].solve(alpha)
        assert crossing_rows(X, free_intercept, free_coef) >= 5
        assert value > free_value + 1e-3
        if crossing == "train":
            assert abs(smallest_training_gap(X, intercept, coef)) < 1e-6
        model = PrestoClassifier(alpha, crossing="observed").fit(X, codes, sample_weight=weights)
        assert model.n_crossing_train_ == crossing_rows(X, model.intercept_, model.coef_) >= 5
        assert PrestoClassifier(alpha, crossing=crossing).fit(X, codes, sample_weight=weights).n_crossing_train_ == 0


@pytest.mark.parametrize("crossing", DOMAINS)
@pytest.mark.parametrize(
    "options",
    [
        {"l1_ratio": 0.5},
        {"l1_ratio": 0.0},
        {"l1_ratio": 0.3, "base_penalty": 0.0},
        {"penalty_factor": (0.0, 1.0, 2.5, 0.2)},
        {"penalty_factor": (1.0, 3.0, 0.5, 1.0), "base_penalty": 0.3, "l1_ratio": 0.7},
        {"standardize": False},
    ],
    ids=str,
)
def test_penalty_variants_equal_the_oracle(options, crossing, rng):
    X, codes, weights = crossing_data(rng, 100, 4, 4)
    terms = {("scale" if name == "standardize" else name): value for name, value in options.items()}
    program = ConvexProgram(X, codes, crossing=crossing, weights=weights, **terms)
    for alpha in (0.05, 0.01):
        model = PrestoClassifier(alpha, crossing=crossing, **options).fit(X, codes, sample_weight=weights)
        ours = objective(X, codes, model.intercept_, model.coef_, alpha=alpha, weights=weights, **terms)
        assert_same_minimum(ours, program.solve(alpha)[0])
        assert_in_domain(model, X, crossing)


def test_slopes_equal_the_oracle_where_the_minimum_is_sharp(rng):
    X, codes, weights = parallel_data(rng, 120, 3, 4)
    _, coef, intercept = ConvexProgram(X, codes, crossing="observed", weights=weights).solve(0.01)
    model = PrestoClassifier(0.01, crossing="observed", tol=1e-9).fit(X, codes, sample_weight=weights)
    np.testing.assert_allclose(model.coef_, coef, rtol=0, atol=1e-5)
    np.testing.assert_allclose(model.intercept_, intercept, rtol=0, atol=1e-5)


@pytest.mark.parametrize("l1_ratio", [1.0, 0.4])
@pytest.mark.parametrize("base_penalty", [0.0, 0.3, 1.0])
def test_optimality_conditions(problem, base_penalty, l1_ratio):
    X, codes, weights = problem
    options = {"base_penalty": base_penalty, "l1_ratio": l1_ratio}
    for alpha in ALPHAS:
        model = PrestoClassifier(alpha, crossing="observed", tol=1e-8, **options)
        model.fit(X, codes, sample_weight=weights)
        violation = kkt_violation(X, codes, model.intercept_, model.coef_, alpha=alpha, weights=weights, **options)
        assert violation <= 2e-8  # the tolerance asked for, and rounding


def exact_log_probability(cut_logits, code):
    """``log P(y = code)`` by subtracting cumulative probabilities in 80 digits."""
    with localcontext() as context:
        context.prec = 80
        below = [Decimal(0)] + [1 / (1 + Decimal(float(logit)).exp()) for logit in cut_logits] + [Decimal(1)]
        return float((below[code + 1] - below[code]).ln())


EXTREME_LOGITS = [
    (0.3, -0.2, -1.0),
    (50.0, 50.0 - 1e-8, -50.0),
    (-50.0, -50.0 - 1e-8, -50.0 - 2e-8),
    (1e-8, 0.0, -1e-8),
    (120.0, 3.0, -120.0),
    (2.0, 2.0 - 0.6931, 2.0 - 2 * 0.6932),
]


@pytest.mark.parametrize("cut_logits", EXTREME_LOGITS, ids=str)
@pytest.mark.parametrize("code", range(4))
def test_log_likelihood_equals_exact_arithmetic(cut_logits, code):
    exact = exact_log_probability(cut_logits, code)
    logits = np.array([cut_logits])
    assert float(log_probabilities(logits, [code])[0]) == pytest.approx(exact, rel=1e-13)
    library = ordinal_log_likelihood(np.array([code]), logits, classes=[0, 1, 2, 3], sample_weight=[2.0])
    assert library == pytest.approx(2.0 * exact, rel=1e-12)


def test_log_likelihood_equals_the_plain_formula(rng):
    logits = np.sort(rng.normal(size=(50, 3)) * 2, axis=1)[:, ::-1]
    codes = np.arange(50) % 4
    expected = np.log(class_probabilities(logits)[np.arange(50), codes]).sum()
    assert ordinal_log_likelihood(codes, logits) == pytest.approx(expected, rel=1e-12)
