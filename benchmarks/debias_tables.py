"""Tables of the user guide of statlearn.debias: ``python -m benchmarks.debias_tables [NAME ...]``, minutes for all.

Predictions are calibrated unless a table says otherwise, outcomes differ from them by normal noise of standard
deviation 0.8, and trials have 8000 units whose treatment is the likelier the larger the outcome. A ratio is the
contrast of a trial on corrected predictions over that on outcomes.
"""

import sys
import warnings
from functools import partial

import numpy as np
from sklearn.datasets import load_diabetes
from sklearn.linear_model import LogisticRegression, RidgeCV
from sklearn.model_selection import KFold, cross_val_predict
from sklearn.neural_network import MLPRegressor
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import SplineTransformer, StandardScaler

from statlearn.debias import (
    KDEScore,
    LinearCalibrationCorrector,
    SieveCorrector,
    TweedieCorrector,
    debiased_ate,
    differential_error_test,
    estimate_ate,
    ppi_ate,
)
from statlearn.exceptions import SupportWarning, WeakCalibrationWarning

__all__ = ["deviations", "diabetes", "paper_trials", "smoking"]

SIGMA = 0.8
N_TRIAL = 8000

# --- simulated pairs and trials --------------------------------------------------------------------------------------


def normal(rng, n):
    return rng.normal(size=n)


def three_modes(rng, n):
    return np.array([-2.2, -0.3, 1.9])[rng.choice(3, size=n, p=[0.22, 0.43, 0.35])] + 0.35 * rng.normal(size=n)


def gamma(rng, n):
    return rng.gamma(2.0, size=n)


def skewed(rng, n):
    return np.where(rng.random(n) < 0.7, -1.0 + 0.5 * rng.normal(size=n), 2.0 + 1.2 * rng.normal(size=n))


def even(rng, predictions):
    return SIGMA * rng.normal(size=predictions.size)


def uneven(rng, predictions):
    return np.sqrt(0.3 + 0.25 * np.abs(predictions)) * rng.normal(size=predictions.size)


def laplace(rng, predictions):
    return SIGMA / np.sqrt(2.0) * rng.laplace(size=predictions.size)


LAWS = {"normal": normal, "three modes": three_modes, "gamma": gamma, "skewed, two modes": skewed}
DESIGNS = {
    "gamma": (gamma, even),
    "three modes": (three_modes, even),
    "skewed, two modes": (skewed, even),
    "normal, uneven noise": (normal, uneven),
    "normal, Laplace noise": (normal, laplace),
}


def pairs(rng, n, law=normal, noise=even):
    predictions = law(rng, n)
    return predictions, predictions + noise(rng, predictions)


def contrast(values, treated):
    return values[treated].mean() - values[~treated].mean()


def treat_by(rng, values):
    return rng.random(values.size) < 1.0 / (1.0 + np.exp(-1.5 * (values - np.median(values))))


def correctors():
    """The correctors that tables compare, by the names of their columns."""
    return {
        "linear": LinearCalibrationCorrector(),
        "Tweedie, paper": TweedieCorrector.paper(),
        "Tweedie": TweedieCorrector(),
        "Tweedie, moment": TweedieCorrector(scale="moment"),
        "sieve": SieveCorrector(),
    }


def corrected_values(raw, x, y):
    """Raw predictions, and as each corrector leaves them."""
    return {"raw": raw, **{name: model.fit(x, y).predict(raw) for name, model in correctors().items()}}


def over_seeds(make_row, n_seeds):
    """Rows of several runs, each with a generator of its own, as one array per column."""
    rows = [make_row(np.random.default_rng(seed)) for seed in range(n_seeds)]
    return {name: np.array([row[name] for row in rows]) for name in rows[0]}


def mean_and_sd(values):
    return f"{values.mean():.3f} ± {values.std(ddof=1):.3f}"


# --- S1: ratios of contrasts by the law of predictions ---------------------------------------------------------------


def ratio_row(law, n_pairs, rng):
    x, y = pairs(rng, n_pairs, law)
    raw, truth = pairs(rng, N_TRIAL, law)
    treated = treat_by(rng, truth)
    true = contrast(truth, treated)
    return {name: contrast(values, treated) / true for name, values in corrected_values(raw, x, y).items()}


def ratios(n_pairs):
    for name, law in LAWS.items():
        found = over_seeds(partial(ratio_row, law, n_pairs), 20)
        yield {"predictions": name, **{column: mean_and_sd(values) for column, values in found.items()}}


# --- S2: errors at both ends -----------------------------------------------------------------------------------------


def ends_row(law, noise, rng):
    x, y = pairs(rng, 4000, law, noise)
    raw, truth = pairs(rng, 20_000, law, noise)
    treated = treat_by(rng, truth)
    low, high = np.quantile(truth, [0.1, 0.9])
    row = {}
    for name, values in corrected_values(raw, x, y).items():
        errors = values - truth
        ratio = contrast(values, treated) / contrast(truth, treated)
        row[name] = ratio, errors[truth < low].mean(), errors[truth > high].mean()
    return row


def ends():
    for name, (law, noise) in DESIGNS.items():
        found = over_seeds(partial(ends_row, law, noise), 10)
        means = {column: values.mean(axis=0) for column, values in found.items()}
        cells = {column: f"{ratio:.3f} ({low:+.2f}, {high:+.2f})" for column, (ratio, low, high) in means.items()}
        yield {"predictions": name, **cells}


# --- S4: outcomes distributed otherwise where predictions are corrected ----------------------------------------------


def shift_row(rng):
    x, y = pairs(rng, 10_000, skewed)
    raw, truth = pairs(rng, 60_000, skewed)
    tilted = rng.choice(truth.size, size=N_TRIAL, p=np.exp(0.6 * truth) / np.exp(0.6 * truth).sum())
    raw, truth = raw[tilted], truth[tilted]
    of_trial = TweedieCorrector(KDEScore().fit(raw).score_function, recalibrate=None).fit(x, y)
    values = {**corrected_values(raw, x, y), "Tweedie, score of the trial": of_trial.predict(raw)}
    return {name: np.mean(value - truth) for name, value in values.items()}


def shift():
    found = over_seeds(shift_row, 10)
    yield {"": "mean error", **{name: mean_and_sd(values) for name, values in found.items()}}


# --- S5: coverage ----------------------------------------------------------------------------------------------------


def covers(interval):
    return interval[0] <= 1.0 <= interval[1]


def effect_of_one(n_pairs, rng):
    """A linear correction, slope 0.6, and predictions and treatment of a trial of 4000 units with an effect of 1."""

    def predicted(y):
        return 0.6 * y + 0.6 * rng.normal(size=y.size)

    y = rng.normal(size=n_pairs)
    corrector = LinearCalibrationCorrector().fit(predicted(y), y)
    treatment = np.arange(4000) % 2
    return corrector, predicted(treatment + rng.normal(size=4000)), treatment


def hits_by_formula(n_pairs, rng):
    corrector, raw, treatment = effect_of_one(n_pairs, rng)
    return {
        "trial alone": covers(estimate_ate(corrector.predict(raw), treatment).ci),
        "delta": covers(debiased_ate(corrector, raw, treatment).ci),
        "Fieller": covers(debiased_ate(corrector, raw, treatment, ci="fieller").ci),
    }


def hits_by_bootstrap(n_pairs, rng):
    call = partial(debiased_ate, *effect_of_one(n_pairs, rng), se="bootstrap", n_boot=200, random_state=rng)
    return {"bootstrap, normal": covers(call().ci), "bootstrap, percentile": covers(call(ci="percentile").ci)}


def coverage():
    for n_pairs in (200, 1000, 5000):
        hits = over_seeds(partial(hits_by_formula, n_pairs), 5000)
        hits |= over_seeds(partial(hits_by_bootstrap, n_pairs), 1000)
        yield {"pairs": str(n_pairs), **{name: f"{values.mean():.3f}" for name, values in hits.items()}}


# --- S6: groups made by outcomes, and by what the model sees ---------------------------------------------------------


def groups_row(made_by, rng):
    x, y = pairs(rng, 4000)
    raw, truth = pairs(rng, N_TRIAL)
    treated = treat_by(rng, truth if made_by == "outcomes" else raw)
    among_pairs = treat_by(rng, y if made_by == "outcomes" else x)
    verdict = differential_error_test(y, x, among_pairs)
    true = contrast(truth, treated)
    row = {name: contrast(values, treated) / true for name, values in corrected_values(raw, x, y).items()}
    row["rejected: same predictions given the truth"] = verdict.p_value_predictions < verdict.level
    row["rejected: same truth given predictions"] = verdict.p_value_truth < verdict.level
    return row


def groups():
    for made_by in ("outcomes", "predictions"):
        found = over_seeds(partial(groups_row, made_by), 20)
        yield {"groups made by": made_by, **{name: _ratio_or_count(values) for name, values in found.items()}}


def _ratio_or_count(values):
    return f"{values.sum()} of {values.size}" if values.dtype == bool else mean_and_sd(values)


# --- S7: one map, many trials ----------------------------------------------------------------------------------------

EFFECTS = np.linspace(-2.0, 2.0, 9)
N_FEATURES, N_HIDDEN, DEPTH = 100, 64, 3
IMAGE_NOISE = 0.3


def random_network(rng):
    """A function of outcomes whose values are features: a network with three hidden layers whose weights are drawn.

    Weights and offsets are uniform, up to one over the root of the number of inputs of a unit. Each layer makes the
    features depend less on the outcome; with three, a model explains about half of its variance.
    """
    sizes = [1, *[N_HIDDEN] * DEPTH, N_FEATURES]
    layers = [
        (rng.uniform(-1.0, 1.0, (n_in, n_out)) / n_in**0.5, rng.uniform(-1.0, 1.0, n_out) / n_in**0.5)
        for n_in, n_out in zip(sizes[:-1], sizes[1:], strict=True)
    ]

    def features(y):
        values = y[:, None]
        for weights, offsets in layers[:-1]:
            values = np.maximum(values @ weights + offsets, 0.0)
        return values @ layers[-1][0] + layers[-1][1]

    return features


def outcomes_of(rng, effects, n):
    """Outcomes, treatments and propensities: a covariate moves the outcome and the treatment."""
    covariate = rng.normal(size=n)
    propensity = 1.0 / (1.0 + np.exp(-covariate))
    treatment = (rng.random(n) < propensity).astype(int)
    return effects * treatment + covariate + rng.normal(size=n), treatment, propensity


def paper_trials(seed, n=5000, n_labels=100):
    """Estimated effects of nine trials from the predictions of one network.

    It is trained on 5000 units of trials with effects from -2 to 2, correctors learn from 5000 others, and each trial
    has 5000 units and is weighted by inverse propensities, which are known.

    Parameters
    ----------
    seed : int
        Of everything that is random.
    n : int, default=5000
        Number of units that train, that calibrate and of each trial.
    n_labels : int, default=100
        Number of units of a trial whose outcomes prediction-powered inference may use.

    Returns
    -------
    estimates : dict of str to ndarray of shape (9,)
        By what stands for the outcome.
    """
    rng = np.random.default_rng(seed)
    features = random_network(rng)

    def seen(y):
        return features(y) + IMAGE_NOISE * rng.normal(size=(y.size, N_FEATURES))

    y, _, _ = outcomes_of(rng, rng.uniform(-2.0, 2.0, 2 * n), 2 * n)
    X = seen(y)
    network = MLPRegressor(hidden_layer_sizes=(64,), early_stopping=True, random_state=seed)
    model = make_pipeline(StandardScaler(), network).fit(X[:n], y[:n])
    fitted = {name: corrector.fit(model.predict(X[n:]), y[n:]) for name, corrector in correctors().items()}
    rows = []
    for effect in EFFECTS:
        truth, treatment, propensity = outcomes_of(rng, effect, n)
        raw = model.predict(seen(truth))
        values = {"outcomes": truth, "raw": raw, **{name: one.predict(raw) for name, one in fitted.items()}}
        row = {
            name: estimate_ate(value, treatment, propensity, estimator="ipw").estimate for name, value in values.items()
        }
        weights = 1.0 / np.where(treatment == 1, propensity, 1.0 - propensity)
        lab, unl = slice(n_labels), slice(n_labels, None)
        arguments = truth[lab], raw[lab], treatment[lab], raw[unl], treatment[unl]
        row["100 labels, PPI"] = ppi_ate(*arguments, w_lab=weights[lab], w_unl=weights[unl], lam=1).estimate
        rows.append(row)
    return {name: np.array([row[name] for row in rows]) for name in rows[0]}


def deviations(estimates):
    """Slope of estimates on the effects, intercept, and mean absolute error, of each way."""
    return {
        name: (*np.polyfit(EFFECTS, values, 1), np.mean(np.abs(values - EFFECTS))) for name, values in estimates.items()
    }


def paper():
    runs = [deviations(paper_trials(seed)) for seed in range(10)]
    for name in runs[0]:
        slopes, intercepts, errors = np.array([run[name] for run in runs]).T
        yield {
            "outcome": name,
            "slope": mean_and_sd(slopes),
            "intercept": mean_and_sd(intercepts),
            "mean absolute error": mean_and_sd(errors),
        }


# --- real data -------------------------------------------------------------------------------------------------------


def diabetes():
    """Ratios on the progression of diabetes, predicted out of fold, for groups made by outcomes and by an input."""
    X, y = load_diabetes(return_X_y=True)
    body_mass, found = X[:, 2], {"outcomes": [], "body mass": []}
    for seed in range(20):
        rng = np.random.default_rng(seed)
        folds = KFold(5, shuffle=True, random_state=seed)
        raw = cross_val_predict(RidgeCV(np.logspace(-3, 3, 13)), X, y, cv=folds)
        values = {"raw": raw, **{name: model.fit(raw, y).predict(raw) for name, model in correctors().items()}}
        by_outcome = rng.random(y.size) < 1.0 / (1.0 + np.exp(-(y - y.mean()) / y.std()))
        for made_by, treated in (("outcomes", by_outcome), ("body mass", body_mass > np.median(body_mass))):
            true = contrast(y, treated)
            found[made_by].append({name: contrast(value, treated) / true for name, value in values.items()})
    for made_by, rows in found.items():
        columns = {name: np.array([row[name] for row in rows]) for name in rows[0]}
        yield {"groups made by": made_by, **{name: mean_and_sd(values) for name, values in columns.items()}}


SMOKERS = ["sex", "age", "race", "education", "wt71", "smokeintensity", "smokeyrs", "active", "exercise"]


def smoking(model_sees_quitting):
    """Weight gain in kg of 1566 smokers, of whom a quarter quit, and what a model of their baseline makes of it.

    Parameters
    ----------
    model_sees_quitting : bool
        Whether quitting is among the inputs of the model.

    Returns
    -------
    y, raw : ndarray of shape (1566,)
        Weight gain, and predictions of it out of fold.
    quit_smoking : ndarray of shape (1566,)
        1 for those who quit.
    propensity : ndarray of shape (1566,)
        Probability of quitting given the baseline, out of fold.

    Raises
    ------
    ImportError
        If the package causaldata, which has the data, is not installed.
    """
    from causaldata import nhefs_complete

    table = nhefs_complete.load_pandas().data
    X, y, quit_smoking = (table[columns].to_numpy(dtype=float) for columns in (SMOKERS, "wt82_71", "qsmk"))
    folds = KFold(5, shuffle=True, random_state=0)
    chances = make_pipeline(SplineTransformer(), LogisticRegression(max_iter=5000))
    propensity = cross_val_predict(chances, X, quit_smoking, cv=folds, method="predict_proba")[:, 1]
    inputs = np.column_stack([X, quit_smoking]) if model_sees_quitting else X
    model = make_pipeline(SplineTransformer(), StandardScaler(), RidgeCV(np.logspace(-3, 5, 17)))
    return y, cross_val_predict(model, inputs, y, cv=folds), quit_smoking, propensity


def smoking_rows():
    for sees in (False, True):
        y, raw, quit_smoking, propensity = smoking(sees)
        row = {"model sees quitting": "yes" if sees else "no"}
        for name, values in {"outcomes": y, "raw": raw}.items():
            result = estimate_ate(values, quit_smoking, propensity, estimator="hajek")
            row[name] = f"{result.estimate:.2f} ± {result.se:.2f}"
        for name, model in correctors().items():
            fitted = model.fit(raw, y)
            result = debiased_ate(fitted, raw, quit_smoking, propensity, estimator="hajek", random_state=0)
            row[name] = f"{result.estimate:.2f} ± {result.se:.2f}"
        yield {**row, "verdict": differential_error_test(y, raw, quit_smoking).verdict}


# --- printing --------------------------------------------------------------------------------------------------------


def simple_table(rows):
    """A table of reStructuredText from dictionaries with the same keys."""
    lines = [list(rows[0]), *[list(row.values()) for row in rows]]
    lines = [[cell or "\\" for cell in line] for line in lines]
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
    rule = "  ".join("=" * width for width in widths)
    texts = ["  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip() for line in lines]
    return "\n".join([rule, texts[0], rule, *texts[1:], rule])


TABLES = {
    "S1": ("Ratios: mean and standard deviation of 20 runs with 2000 pairs", partial(ratios, 2000)),
    "S1-10000": ("The same with 10,000 pairs", partial(ratios, 10_000)),
    "S2": ("Ratio, and mean error in the lowest and highest tenth of outcomes; 4000 pairs, means of 10 runs", ends),
    "S4": ("Outcomes tilted by exp(0.6 y) where predictions are corrected; 10,000 pairs, 10 runs", shift),
    "S5": (
        "Share of 5000 intervals of 95 %, or 1000 bootstrap ones, that cover the effect; linear correction",
        coverage,
    ),
    "S6": ("Ratios by how groups are made; 4000 pairs, 20 runs; tests at the level 5 %", groups),
    "S7": ("Nine trials with effects from -2 to 2 and one network; 10 runs", paper),
    "diabetes": ("Progression of diabetes, RidgeCV out of fold, 20 ways to make folds; ratios", diabetes),
    "smoking": ("Weight gain in kg by quitting, Hájek's estimate with standard errors; needs causaldata", smoking_rows),
}


if __name__ == "__main__":
    # Where outcomes are tilted, 1 to 2 % of the predictions lie outside the pairs.
    warnings.filterwarnings("ignore", category=SupportWarning)
    warnings.filterwarnings("ignore", category=WeakCalibrationWarning)  # a weak model is what "smoking" shows
    for name in sys.argv[1:] or TABLES:
        title, rows = TABLES[name]
        print(f"\n{name}. {title}\n\n{simple_table(list(rows()))}", flush=True)
