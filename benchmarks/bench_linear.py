"""Separating directions, margins and linear classifiers against what else finds them: one thread, answers compared.

Run with ``python -m pytest benchmarks -k bench_linear --benchmark-only``.
"""

import json
import sys
import warnings
from functools import cache, partial
from statistics import median

import numpy as np
import pytest
from scipy import sparse
from scipy.optimize import linprog
from scipy.special import log_expit, logsumexp
from sklearn.datasets import load_breast_cancer, load_digits, load_iris
from sklearn.exceptions import ConvergenceWarning
from sklearn.linear_model import LogisticRegression, Perceptron
from sklearn.model_selection import StratifiedShuffleSplit, learning_curve
from sklearn.naive_bayes import GaussianNB
from sklearn.preprocessing import StandardScaler
from sklearn.svm import SVC, LinearSVC

from benchmarks.fresh_process import run_fresh
from benchmarks.process_memory import peak_memory
from benchmarks.side_by_side import Comparison, side_by_side, single_thread, time_call
from statlearn.linear import DiagonalLDA, LargeStepLogisticClassifier, generative_discriminative_curve, separability
from statlearn.linear._descent import descend
from statlearn.linear._signed_rows import SignedRows
from statlearn.linear._steps import Normalized

RULES = ("perceptron", "normalized-perceptron", "normalized", "safe-radius", 100.0)
MOST_EPOCHS = 10_000


# --- data ------------------------------------------------------------------------------------------------------------


def digits_pair(positive, negative):
    X, y = load_digits(return_X_y=True)
    chosen = np.isin(y, (positive, negative))
    return X[chosen] / 16.0, (y[chosen] == positive).astype(int)


def normal_table(n, n_features, margin=0.0, noise=0.0, seed=0):
    """Normal rows on two sides of a random plane, pushed apart by a margin, or labeled with noise."""
    rng = np.random.default_rng(seed)
    plane = rng.standard_normal(n_features)
    plane /= np.linalg.norm(plane)
    X = rng.standard_normal((n, n_features))
    side = np.where(X @ plane + noise * rng.standard_normal(n) > 0.0, 1.0, -1.0)
    return X + margin * side[:, None] * plane, (side > 0.0).astype(int)


def breast_cancer():
    X, y = load_breast_cancer(return_X_y=True)
    return StandardScaler().fit_transform(X), y


def iris_pair():
    X, y = load_iris(return_X_y=True)
    return StandardScaler().fit_transform(X[y > 0]), y[y > 0] - 1


DATA = {
    "digits 3 v 8": partial(digits_pair, 3, 8),
    "digits 1 v 8": partial(digits_pair, 1, 8),
    "20,000 x 50, margin": partial(normal_table, 20_000, 50, 0.3),
    "breast cancer": breast_cancer,
    "iris 1 v 2": iris_pair,
    "20,000 x 50, overlap": partial(normal_table, 20_000, 50, 0.0, 1.0),
}
EASY = ("digits 3 v 8", "digits 1 v 8", "20,000 x 50, margin")


@cache
def table(name):
    return DATA[name]()


def signed(X, y, fit_intercept=True):
    """Rows with a constant column, times their signs."""
    lifted = np.column_stack([X, np.ones(len(X))]) if fit_intercept else X
    return np.where(y == 1, 1.0, -1.0)[:, None] * lifted


def least_margin(theta, X, y):
    """Of a unit vector with the constant column."""
    return (signed(X, y) @ theta).min() / np.linalg.norm(theta)


def theta_of(model):
    return np.append(model.coef_, model.intercept_)


def quietly(function, *categories):
    """The same function, which does not warn."""

    def call():
        with warnings.catch_warnings():
            for category in categories or (ConvergenceWarning,):
                warnings.simplefilter("ignore", category)
            return function()

    return call


@pytest.fixture
def compare(benchmark, report):
    """Function that times both in turn; a peer that is slow is called only once."""

    def keep(task, ours, peer, *, peer_name, rounds=5, slow=False, **fields):
        if slow:
            ours()
            theirs = (time_call(peer),) * rounds
            comparison = Comparison(task, peer_name, tuple(time_call(ours) for _ in range(rounds)), theirs)
        else:
            comparison = side_by_side(task, ours, peer, peer_name=peer_name, rounds=rounds)
        benchmark.pedantic(ours, rounds=rounds)
        report(task, comparison.ours_seconds, comparison, **fields)

    return keep


# --- steps -----------------------------------------------------------------------------------------------------------

LARGE, N_STEPS = (1_000_000, 100), 100


def large_table(dtype):
    """A table of one type, made in parts."""
    rng = np.random.default_rng(0)
    X = np.empty(LARGE, dtype=dtype)
    for part in np.array_split(X, 100):
        part[:] = rng.standard_normal(part.shape, dtype=np.float32)
    return X, (X[:, 0] + rng.standard_normal(LARGE[0]) > 0.0).astype(int)


def plain_steps(X, y):
    """Normalized gradient descent by two matrix products per step, gamma = 1; the last loss."""
    signs = np.where(y == 1, 1, -1).astype(X.dtype)
    coef, intercept = np.zeros(X.shape[1], dtype=X.dtype), 0.0
    for _ in range(N_STEPS):
        log_weights = log_expit(-signs * (X @ coef + X.dtype.type(intercept)))
        q = signs * np.exp(log_weights - logsumexp(log_weights))
        coef, intercept = coef + X.T @ q, intercept + q.sum()
    return -float(np.mean(log_expit(signs * (X @ coef + X.dtype.type(intercept))), dtype=np.float64))


def many_rows(dtype):
    """Seconds and memory of a hundred steps and of a whole fit, and seconds of numpy's steps."""
    options = {"gamma": 1.0, "fallback": "pocket", "tol": 1e-15}  # no end but that of the steps
    quietly(lambda: LargeStepLogisticClassifier(max_iter=3, **options).fit(*small_overlap(dtype)))()  # compile
    X, y = large_table(dtype)
    model = LargeStepLogisticClassifier(max_iter=N_STEPS, **options)
    found = {"table_gib": X.nbytes / 2**30}

    def steps():
        rows = SignedRows.of(X, np.where(y == 1, 1.0, -1.0), intercept_scaling=1.0)
        descent = descend(rows, Normalized(1.0), max_iter=N_STEPS, tol=1e-15)
        found.update(n_iter=descent.n_iter, loss=float(descent.history["loss"][-1]))

    with single_thread():
        before = peak_memory()
        found["seconds"] = time_call(steps)
        found["extra_gib"] = peak_memory() - before
        found["fit_seconds"] = time_call(quietly(lambda: model.fit(X, y)))
        found["fit_extra_gib"] = peak_memory() - before
        found["peer_seconds"] = time_call(lambda: found.update(peer_loss=plain_steps(X, y)))
    assert model.n_iter_ == N_STEPS
    return found


def small_overlap(dtype):
    X, y = normal_table(100, 5, noise=1.0)
    return X.astype(dtype), y


@pytest.mark.parametrize("dtype", ["float64", "float32"])
def test_a_hundred_steps(dtype, benchmark, report):
    """Steps with their proofs, and all of a fit, which also looks for duplicates, for features that separate by
    themselves and for a proof of the overlap. The table is there before memory is measured."""
    found = benchmark.pedantic(lambda: run_fresh(many_rows, dtype), rounds=1)
    assert found["n_iter"] == N_STEPS
    assert found["loss"] == pytest.approx(found["peer_loss"], rel=1e-6 if dtype == "float64" else 1e-4)
    task = f"{N_STEPS} steps with bounds, 1,000,000 x 100, {dtype}"
    seconds, peer_seconds = found["seconds"], found["peer_seconds"]
    report(
        task,
        seconds,
        Comparison(task, "numpy, two products per step", (seconds,), (peer_seconds,)),
        wanted="6 s",
        met=seconds <= 6.0,
        note=f"{found['extra_gib']:.2g} GiB beside the table of {found['table_gib']:.2g} GiB",
    )
    report(
        f"fit of {N_STEPS} steps, 1,000,000 x 100, {dtype}",
        found["fit_seconds"],
        note=f"{found['fit_extra_gib']:.2g} GiB beside the table",
    )


@pytest.mark.parametrize("step_size", RULES, ids=str)
@pytest.mark.parametrize("name", EASY)
def test_rules(name, step_size, benchmark, report):
    X, y = table(name)
    model = LargeStepLogisticClassifier(step_size)
    benchmark.pedantic(model.fit, [X, y], rounds=3)
    assert least_margin(theta_of(model), X, y) > 0.0
    seconds = median(time_call(lambda: model.fit(X, y), 10) for _ in range(3))
    report(f"{name}, step_size={step_size!r} until separated", seconds, note=f"{model.n_iter_} steps")


# --- a separating direction ------------------------------------------------------------------------------------------


def perceptron(X, y):
    """Scikit-learn's perceptron for as many passes as it takes, which it is told."""

    def fit(max_iter):
        return Perceptron(tol=None, max_iter=max_iter, random_state=0).fit(X, y)

    low, high = 0, 1
    while fit(high).score(X, y) < 1.0:
        low, high = high, 2 * high
        assert high <= MOST_EPOCHS
    n_passes = next((n for n in range(low + 1, high) if fit(n).score(X, y) == 1.0), high)
    return lambda: fit(n_passes)


def logistic(X, y):
    return quietly(lambda: LogisticRegression(C=np.inf, max_iter=10_000).fit(X, y))


def linear_svc(X, y):
    return quietly(lambda: LinearSVC(C=1e6, dual=False, max_iter=10_000).fit(X, y))


SEPARATORS = {
    "Perceptron, passes given": perceptron,
    "LogisticRegression(C=inf)": logistic,
    "LinearSVC(C=1e6, dual=False)": linear_svc,
}


@pytest.mark.parametrize("peer_name", SEPARATORS)
@pytest.mark.parametrize("name", EASY)
def test_a_separating_direction(name, peer_name, compare):
    """Any direction; ours comes with a proof, bounds and a certificate."""
    X, y = table(name)
    model = LargeStepLogisticClassifier()

    def ours():
        return model.fit(X, y)

    peer = SEPARATORS[peer_name](X, y)
    assert least_margin(theta_of(ours()), X, y) > 0.0
    found = peer()
    passes = f"{found.max_iter} passes; " if peer_name.startswith("Perceptron") else ""
    errors = np.count_nonzero(found.predict(X) != y)
    note = f"{model.n_iter_} steps, margin {least_margin(theta_of(model), X, y):.2g}; peer's {passes}"
    note += f"margin {least_margin(theta_of(found), X, y):.2g}" if not errors else f"{errors} rows on the wrong side"
    compare(f"{name}, a separating direction", ours, peer, peer_name=peer_name, rounds=3, note=note)


# --- the margin ------------------------------------------------------------------------------------------------------


def mirrored_margin(X, y):
    """The margin with a constant column: rows and their opposites make a support vector machine pass through zero."""
    Z = signed(X, y)
    machine = SVC(kernel="linear", C=1e8, tol=1e-6).fit(np.vstack([Z, -Z]), np.repeat([1, 0], len(Z)))
    return (Z @ machine.coef_[0]).min() / np.linalg.norm(machine.coef_)


def exact_fit(X, y):
    return separability(X, y).margin_lower


def within_a_percent(X, y):
    return LargeStepLogisticClassifier(gamma=10.0, stop="margin").fit(X, y).margin_lower_


def by_steps_alone(X, y):
    model = LargeStepLogisticClassifier(gamma=10.0, stop="margin", fallback="pocket")
    return quietly(lambda: model.fit(X, y).margin_lower_)()


# the ways, their tolerances, and their data
MARGINS = {
    "steps alone": (by_steps_alone, 0.02, EASY[:2]),
    "stop='margin'": (within_a_percent, 0.01, EASY),
    "separability": (exact_fit, 1e-8, EASY),
}


@pytest.mark.parametrize(("name", "ours_name"), [(name, ours) for ours, way in MARGINS.items() for name in way[2]])
def test_margin_against_a_support_vector_machine(name, ours_name, compare):
    """The peer's intercept is free, so that its problem is another one of the same size; its margin with the constant
    column, by which ours is checked, takes it twice the rows."""
    X, y = table(name)
    find, tolerance, _ = MARGINS[ours_name]
    margin = find(X, y)
    small = len(X) < 1000
    reference = mirrored_margin(X, y) if small else exact_fit(X, y)
    assert reference * (1.0 - tolerance) <= margin * (1.0 + 1e-5)
    assert margin <= reference * (1.0 + (1e-5 if small else 1e-8))
    compare(
        f"{name}, margin by {ours_name}",
        lambda: find(X, y),
        lambda: SVC(kernel="linear", C=1e8).fit(X, y),
        peer_name='SVC(kernel="linear", C=1e8), free intercept',
        rounds=3,
        slow=not small,
        note=f"margin {margin:.6f}, known as {reference:.6f}",
    )


@pytest.mark.parametrize("name", EASY[:2])
def test_margin_of_the_same_problem(name, compare):
    """LinearSVC penalizes its intercept, so that without slack its problem is ours."""
    X, y = table(name)
    exact = exact_fit(X, y)

    def peer():
        return LinearSVC(loss="hinge", C=1e6, tol=1e-3, max_iter=100_000, random_state=0).fit(X, y)

    reached = least_margin(theta_of(quietly(peer)()), X, y)
    assert reached <= exact * (1.0 + 1e-9)
    compare(
        f"{name}, margin by stop='margin'",
        lambda: within_a_percent(X, y),
        quietly(peer),
        peer_name='LinearSVC(loss="hinge", C=1e6, tol=1e-3)',
        rounds=3,
        note=f"margin {within_a_percent(X, y):.4f}, peer's {reached:.4f}, exact {exact:.4f}",
    )


# --- whether there is a separation -----------------------------------------------------------------------------------


def feasible(Z):
    """Strict separability by one linear program."""
    found = linprog(np.zeros(Z.shape[1]), A_ub=-Z, b_ub=-np.ones(len(Z)), bounds=(None, None), method="highs")
    assert found.status in (0, 2)
    return found.status == 0


@pytest.mark.parametrize("method", ["auto", "lp"])
@pytest.mark.parametrize("name", DATA)
def test_separability_against_a_linear_program(name, method, compare):
    """The peer's answer is yes or no; ours is proved, has the margin, and tells whether estimates are finite."""
    X, y = table(name)
    result, Z = separability(X, y, method), signed(X, y)
    assert feasible(Z) == (result.status == "separable")
    assert result.status != "undetermined"
    margin = f", margin {result.margin_lower:.4g}" if result.status == "separable" else ""
    compare(
        f'{name}, separability(method="{method}")',
        lambda: separability(X, y, method),
        lambda: feasible(Z),
        peer_name="scipy linprog (HiGHS)",
        rounds=3,
        slow=len(X) > 1000,
        note=f"{result.status}{margin}; {result.certificate.checks[0].kind}",
    )


def test_breast_cancer(compare):
    """Separable with a margin of 0.0014."""
    X, y = table("breast cancer")
    model = LargeStepLogisticClassifier()
    peer = quietly(lambda: LogisticRegression(C=np.inf, max_iter=10_000).fit(X, y))
    assert least_margin(theta_of(model.fit(X, y)), X, y) > 0.0
    found = peer()
    errors = np.count_nonzero(found.predict(X) != y)
    note = f"all rows on their side; peer's: all but {errors}, largest coefficient {np.abs(found.coef_).max():.3g}"
    compare("breast cancer, fit", lambda: model.fit(X, y), peer, peer_name="LogisticRegression(C=inf)", note=note)


def weak_separation():
    """An indicator that is never 1 in one class."""
    X, y = normal_table(2_000, 5, noise=1.0)
    indicator = np.zeros(len(y))
    indicator[np.flatnonzero(y)[:40]] = 1.0
    return np.column_stack([X, indicator]), y


SEPARATIONS = {
    "complete": (partial(normal_table, 2_000, 5, 0.1), "separable", False),
    "quasi-complete": (weak_separation, "not separable", True),
    "none": (partial(normal_table, 2_000, 5, 0.0, 1.0), "not separable", False),
}


@pytest.mark.parametrize("kind", SEPARATIONS)
def test_detection_against_statsmodels(kind, compare):
    """Whether the maximum-likelihood estimate is finite."""
    api = pytest.importorskip("statsmodels.api", reason="statsmodels is not installed")
    make, status, quasi = SEPARATIONS[kind]
    X, y = make()
    result = separability(X, y)
    assert (result.status, result.quasi) == (status, quasi)
    design = api.add_constant(X)

    def peer():
        return api.Logit(y, design).fit(disp=0, maxiter=100)

    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        found = peer()
    names = sorted({warning.category.__name__ for warning in caught}) or ["none"]
    compare(
        f"2,000 x {X.shape[1]}, separation: {kind}",
        lambda: separability(X, y),
        quietly(peer, Warning),
        peer_name="statsmodels Logit",
        distribution="statsmodels",
        note=f"estimate finite: {result.mle_exists}; peer's warnings: {', '.join(names)}, largest standard error "
        f"{np.max(found.bse):.2g}",
    )


# --- classes that overlap --------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("solver", "tol"), [("lbfgs", 1e-8), ("newton-cholesky", 1e-8)])
@pytest.mark.parametrize(("n", "n_features"), [(2_000, 10), (100_000, 50)])
def test_overlap_against_logistic_regression(n, n_features, solver, tol, compare):
    """Ours proves that nothing separates, and solves the same problem."""
    X, y = normal_table(n, n_features, noise=1.0)
    model = LargeStepLogisticClassifier()
    peer = LogisticRegression(C=np.inf, solver=solver, tol=tol, max_iter=1000)
    np.testing.assert_allclose(theta_of(model.fit(X, y)), theta_of(peer.fit(X, y)), atol=1e-4)
    assert model.certificate_["rows combine to zero"].kind == "proof"
    compare(
        f"{n:,} x {n_features}, overlap, fit",
        lambda: model.fit(X, y),
        lambda: peer.fit(X, y),
        peer_name=f"LogisticRegression(C=inf, {solver})",
        rounds=3,
        note=model.status_,
    )


def sparse_rows(n, n_features, flipped, seed=0):
    """Rows like those of texts, twenty words each, with labels of which a share is wrong."""
    rng = np.random.default_rng(seed)
    X = sparse.random_array((n, n_features), density=20 / n_features, format="csr", rng=rng)
    scores = X @ rng.standard_normal(n_features)
    return X, ((scores > np.median(scores)) ^ (rng.random(n) < flipped)).astype(int)


def test_sparse_overlap_against_a_penalized_regression(compare):
    """Without a penalty the peer does not converge in as many steps; what users take there has one."""
    X, y = sparse_rows(6000, 1500, flipped=0.15)
    model = LargeStepLogisticClassifier().fit(X, y)
    assert model.status_ == "not separable" and model.quasi_ is False
    compare(
        "sparse 6,000 x 1,500, 15 % of labels wrong, fit",
        lambda: model.fit(X, y),
        lambda: LogisticRegression(max_iter=1000).fit(X, y),
        peer_name="LogisticRegression(C=1)",
        rounds=3,
        slow=True,
        note=f"{model.status_}; the peer's problem is another one",
    )


# --- the generative classifier ---------------------------------------------------------------------------------------


@cache
def many_normal_rows():
    rng = np.random.default_rng(0)
    y = rng.integers(2, size=1_000_000)
    return rng.standard_normal((1_000_000, 50)) + 0.2 * y[:, None], y


@pytest.mark.parametrize("part", ["fit", "predict", "predict_proba"])
def test_diagonal_lda_against_naive_bayes(part, compare):
    """The peer has variances for each class; here they are equal."""
    X, y = many_normal_rows()
    model, peer = DiagonalLDA().fit(X, y), GaussianNB().fit(X, y)
    np.testing.assert_allclose(model.means_, peer.theta_, rtol=1e-9)
    np.testing.assert_allclose(model.var_, model.priors_ @ peer.var_, rtol=1e-6)
    agreement = np.mean(model.predict(X) == peer.predict(X))
    assert agreement > 0.99
    arguments = (X, y) if part == "fit" else (X,)
    compare(
        f"1,000,000 x 50, DiagonalLDA, {part}",
        lambda: getattr(model, part)(*arguments),
        lambda: getattr(peer, part)(*arguments),
        peer_name="GaussianNB",
        rounds=3,
        note=f"{agreement:.2%} of predictions agree" + ("; with its certificate" if part == "fit" else ""),
    )


@pytest.mark.parametrize("name", ["digits 3 v 8", "breast cancer"])
def test_curves(name, compare):
    """Two models, 20 repeats: errors and a conclusion. The peer's rows are other ones, and it scores those of training
    too."""
    X, y = table(name)
    sizes = [32, 64, 128]  # with fewer rows it matters that ours have the classes in their shares
    models = DiagonalLDA(var_smoothing=1e-3), LogisticRegression(max_iter=1000)
    curve = partial(generative_discriminative_curve, X, y, *models, train_sizes=sizes, random_state=0, n_jobs=1)
    folds = StratifiedShuffleSplit(20, test_size=0.5, random_state=0)

    def peer():
        options = {"train_sizes": sizes, "cv": folds, "shuffle": True, "random_state": 0}
        return [1.0 - learning_curve(model, X, y, **options)[2].mean(axis=1) for model in models]

    found = curve().table
    ours = [found["generative_error"], found["discriminative_error"]]
    np.testing.assert_allclose(ours, peer(), atol=0.03)
    compare(f"{name}, curves of two models", curve, peer, peer_name="sklearn learning_curve, twice", rounds=3)


# --- first call ------------------------------------------------------------------------------------------------------


def first_fit():
    """Processor seconds of the first and of the second fit of separable and of overlapping classes in a process."""
    tables = [normal_table(200, 5, 0.2), normal_table(200, 5, noise=1.0)]

    def fit():
        for X, y in tables:
            LargeStepLogisticClassifier().fit(X, y)

    return {"first_s": time_call(fit), "second_s": time_call(fit)}


def first_curve():
    """The same of a comparison of a generative and a discriminative classifier."""
    X, y = normal_table(200, 5, noise=1.0)

    def curve():
        generative_discriminative_curve(X, y, n_repeats=6, random_state=0)

    return {"first_s": time_call(curve), "second_s": time_call(curve)}


FIRST_CALLS = {first_fit: "fits of LargeStepLogisticClassifier, separable and not", first_curve: "curves"}


@pytest.mark.parametrize("measure", FIRST_CALLS, ids=FIRST_CALLS.values())
def test_first_call(measure, benchmark, report, tmp_path):
    """Compilation with an empty cache, then a new process that finds it full."""
    cache_folder = {"NUMBA_CACHE_DIR": str(tmp_path)}
    cold = benchmark.pedantic(lambda: run_fresh(measure, **cache_folder), rounds=1)
    warm = run_fresh(measure, **cache_folder)
    for state, figures, wanted in (("empty", cold, 5.0), ("full", warm, 0.3)):
        report(
            f"first {FIRST_CALLS[measure]} in a new process, {state} cache",
            figures["first_s"],
            wanted=f"{wanted:g} s",
            met=figures["first_s"] <= wanted,
            note=f"second time {1e3 * figures['second_s']:.2g} ms",
        )


MEASURES = {measure.__name__: measure for measure in (many_rows, first_fit, first_curve)}

if __name__ == "__main__":
    print(json.dumps(MEASURES[sys.argv[1]](*sys.argv[2:])))
