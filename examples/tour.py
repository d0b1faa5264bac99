"""The tour: one stop per family, on real data, each in a few seconds.

Run it with ``python examples/tour.py``. It is not part of the gallery; the gallery has one page per question.
"""

import textwrap
import time
import warnings
from typing import NamedTuple

import networkx as nx
import numpy as np
import sklearn
from ot.gromov import gromov_wasserstein
from scipy.optimize import linear_sum_assignment
from scipy.spatial.distance import cdist
from sklearn.base import clone
from sklearn.callback import ProgressBar
from sklearn.cluster import SpectralClustering
from sklearn.datasets import load_breast_cancer, load_diabetes, load_digits
from sklearn.decomposition import PCA
from sklearn.ensemble import RandomForestClassifier, StackingClassifier, VotingClassifier
from sklearn.exceptions import ConvergenceWarning
from sklearn.linear_model import LinearRegression, LogisticRegression, PoissonRegressor, RidgeCV
from sklearn.metrics import adjusted_rand_score, get_scorer, log_loss, mean_poisson_deviance
from sklearn.model_selection import GridSearchCV, KFold, cross_val_predict, train_test_split
from sklearn.naive_bayes import GaussianNB
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.svm import SVC
from sklearn.tree import DecisionTreeClassifier
from statsmodels.datasets import star98

from statlearn.datasets import load_marriage, make_graph_families, make_motor_claims
from statlearn.debias import LinearCalibrationCorrector, debiased_ate, estimate_ate, ppi_ate
from statlearn.dependence import distance_correlation, distance_covariance_test
from statlearn.design import DPPLeastSquares, PolynomialBasis, WeightedLeastSquaresApproximator
from statlearn.exceptions import CrossingWarning, DifferentialErrorWarning
from statlearn.fairness import DistanceCovarianceFairRegressor, fairness_report, make_fairness_scorer
from statlearn.frechet import ChainMetric, LokiClassifier, frechet_predict, mean_squared_distance, metric_scorer
from statlearn.graph import GraphKernelKMeans, NodeKernelClassifier, SpectralGraph
from statlearn.gromov import GromovAligner, GromovSignature
from statlearn.halfspace import TestableHalfspaceClassifier
from statlearn.linear import LargeStepLogisticClassifier, generative_discriminative_curve, separability
from statlearn.market import PredictionMarketClassifier
from statlearn.ordinal import PrestoClassifier, ProportionalOddsClassifier


class Line(NamedTuple):
    """What a stop found: a line of the closing table."""

    data: str
    quantity: str
    ours: str
    usual: str
    choice: str  # whose the usual figure is
    certificate: object


N_TRAIN = 1000  # about 15 rows of the rare class for 8 features: where borrowing strength should matter
REPEATS = 20
RARE = 4  # the worst of the five ratings, coded 0 to 4


def ordinal_stop():
    """How likely is the rare last step of an ordered outcome?"""
    X, y = load_marriage(return_X_y=True, as_frame=True)
    print(f"{len(y)} marriages, {X.shape[1]} features, rows per rating from best to worst: {np.bincount(y)}")
    X_tune, X_rest, y_tune, y_rest = train_test_split(X, y, train_size=N_TRAIN, stratify=y, random_state=0)
    print(f"penalties are chosen on {N_TRAIN} of them, {np.sum(y_tune == RARE)} of the worst rating")

    presto = make_pipeline(StandardScaler(), PrestoClassifier())
    grid = {
        "prestoclassifier__alpha": np.geomspace(1e-3, 1e-1, 8),
        "prestoclassifier__base_penalty": [0.0, 0.1, 1.0],
    }
    search = GridSearchCV(presto, grid, scoring=rare_score, cv=5)
    search.set_callbacks(ProgressBar(max_propagation_depth=0))
    with warnings.catch_warnings():
        # Small penalties let the cuts cross at some held-out rows, which are repaired.
        warnings.simplefilter("ignore", CrossingWarning)
        search.fit(X_tune, y_tune)
        search.set_callbacks()
        losses = rare_log_losses(X_rest, y_rest, clone(search.best_estimator_))
    chosen = [f"{name.split('__')[1]}={value:.3g}" for name, value in search.best_params_.items()]
    print(f"chosen by cross-validation: {', '.join(chosen)}")

    print(
        f"\nThe other {len(y_rest)} rows, {REPEATS} random splits: {N_TRAIN} to train, the rest to judge the\n"
        "probability of the worst rating. Mean log loss, smaller is better, and its difference to PRESTO:"
    )
    for name, values in losses.items():
        difference = values - losses["PRESTO"]
        error = difference.std(ddof=1) / np.sqrt(REPEATS)
        print(f"  {name:<38} {values.mean():.4f}   {difference.mean():+.4f} +- {error:.4f}")

    fitted = search.best_estimator_[-1]
    print(f"\n{fitted.certificate_}")
    print(f"\nWhere slopes change between neighboring ratings:\n{fitted.deviating_transitions(X.columns)}")
    means = [f"{losses[name].mean():.4f}" for name in ("PRESTO", "proportional odds")]
    return Line("marriages", "log loss of the worst rating", *means, "proportional odds", fitted.certificate_)


def rare_score(model, X, y):
    """Negative log loss of the rare class against all others: the probability this stop is about."""
    return -log_loss(y == RARE, model.predict_proba(X)[:, -1])


def rare_log_losses(X, y, presto):
    """Left-out log losses of the rare class, per model and random split of the rows."""
    models = {
        "PRESTO": presto,
        "proportional odds": make_pipeline(StandardScaler(), ProportionalOddsClassifier()),
        "logistic regression on the rare class": make_pipeline(StandardScaler(), LogisticRegression(C=np.inf)),
    }
    losses = {name: np.empty(REPEATS) for name in models}
    for repeat in range(REPEATS):
        X_train, X_test, y_train, y_test = train_test_split(X, y, train_size=N_TRAIN, stratify=y, random_state=repeat)
        for name, model in models.items():
            target = y_train == RARE if "logistic" in name else y_train
            losses[name][repeat] = -rare_score(model.fit(X_train, target), X_test, y_test)
    return losses


N_LABELED = 8  # of the 34 members
GRAPH_GRID = {"kernel": ["scct", "communicability", "heat"], "log": [False, True], "t": [0.5, 2.0, 8.0]}


def graph_stop():
    """Which nodes of one graph belong together, and what follows from a few labels?"""
    karate = nx.karate_club_graph()
    y = np.array([karate.nodes[node]["club"] for node in karate])
    graph = SpectralGraph(karate, weight=None)
    print(f"Zachary's karate club, {graph}: the two clubs it split into, of {np.bincount(y == 'Officer')} members")

    members = np.arange(graph.n_nodes).reshape(-1, 1)
    search = GridSearchCV(NodeKernelClassifier(graph), GRAPH_GRID, cv=2)
    scores = {"chosen by cross-validation": [], "label spreading": []}
    for repeat in range(REPEATS):
        known, hidden, y_known, y_hidden = train_test_split(
            members, y, train_size=N_LABELED, stratify=y, random_state=repeat
        )
        scores["chosen by cross-validation"].append(search.fit(known, y_known).score(hidden, y_hidden))
        spreading = NodeKernelClassifier(graph, kernel="ppr", t=0.8, method="lgc").fit(known, y_known)
        scores["label spreading"].append(spreading.score(hidden, y_hidden))
    print(f"\n{N_LABELED} members labeled, the others to be told, {REPEATS} random draws. Mean accuracy:")
    for name, values in scores.items():
        error = np.std(values, ddof=1) / np.sqrt(REPEATS)
        print(f"  {name:<38} {np.mean(values):.3f} +- {error:.3f}")
    print(f"the last search chose {search.best_params_} in {len(search.cv_results_['params'])} kernels, two folds each")

    print("\nWithout labels, adjusted Rand index with the clubs:")
    clusterers = {
        "kernel k-means, sigmoid of commute time": GraphKernelKMeans(2, random_state=0),
        "kernel k-means, log communicability": GraphKernelKMeans(2, kernel="comm", log=True, random_state=0),
    }
    for name, model in clusterers.items():
        print(f"  {name:<40} {adjusted_rand_score(y, model.fit_predict(graph)):.3f}")
    usual = SpectralClustering(2, affinity="precomputed", random_state=0).fit_predict(graph.adjacency)
    print(f"  {'SpectralClustering of scikit-learn':<40} {adjusted_rand_score(y, usual):.3f}")
    print(f"\n{model.certificate_}")
    figures = [f"{adjusted_rand_score(y, labels):.3f}" for labels in (model.labels_, usual)]
    return Line("karate club", "Rand index of two groups", *figures, "SpectralClustering", model.certificate_)


N_DIGITS = 100
DRAWS = 10
WHITE = np.indices((8, 8)).sum(axis=0).ravel() % 2 == 0  # fields of a checkerboard over the images
PENALTIES = {"svc__C": [1.0, 10.0, 100.0]}


def gromov_stop():
    """How far apart are two relational objects, which of their nodes belong together, and what of that is proved?"""
    print(
        f"{N_DIGITS} images of digits as two tables, one with the white and one with the black fields of a\n"
        f"checkerboard, the second in another order. Rows matched by distances within the tables, {DRAWS} draws\n"
        "(a random matching: 0.01 and 0.10):"
    )
    X, y = load_digits(return_X_y=True)
    draws = [align_digits(X, y, np.random.default_rng(seed)) for seed in range(DRAWS)]
    for name in draws[0]["shares"]:
        images, digits = np.mean([draw["shares"][name] for draw in draws], axis=0)
        print(f"  {name:<38} {images:.2f} with the same image, {digits:.2f} with an image of the same digit")
    worse = sum(draw["true value"] < draw["aligner"].result_.upper for draw in draws)
    print(f"in {worse} of {DRAWS} draws the true matching has a smaller value than the one found\n")
    print(draws[-1]["aligner"].certificate_)

    graphs, families = make_graph_families(24, n_replicates=10, random_state=0)
    signatures = make_pipeline(GromovSignature(), SVC())
    grid = {"gromovsignature__cost": ["hop", "adjacency"], **PENALTIES}
    search = GridSearchCV(signatures, grid, cv=5).fit(graphs, families)
    degrees = np.array([np.bincount(A.sum(axis=1).astype(int), minlength=24) for A in graphs])
    usual = GridSearchCV(make_pipeline(SVC()), PENALTIES, cv=5).fit(degrees, families)
    print(f"\n{len(graphs)} graphs of eight random families, accuracy in five folds at the best penalty:")
    print(f"  {'signatures (' + search.best_params_['gromovsignature__cost'] + ')':<38} {search.best_score_:.2f}")
    print(f"  {'histogram of the degrees':<38} {usual.best_score_:.2f}")
    print(f"\n{search.best_estimator_[0].certificate_}")
    means = [np.mean([draw["shares"][name][0] for draw in draws]) for name in draws[0]["shares"]]
    figures = [f"{mean:.2f}" for mean in means]
    return Line(
        "halves of digits", "rows matched rightly", *figures, "POT's default", draws[-1]["aligner"].certificate_
    )


def dependence_stop():
    """Do these variables depend on each other, however they do it?"""
    X, y = load_marriage(return_X_y=True, as_frame=True)
    print(f"{len(y)} marriages: squared correlations of the rating with the columns")
    print(f"  {'':<38} {'distance':>10} {'Pearson':>10}")
    for name in X.columns:
        values = X[name].to_numpy()
        squares = distance_correlation(values, y), np.corrcoef(values, y)[0, 1] ** 2
        print(f"  {name:<38}", *(f"{square:10.4f}" for square in squares))
    columns = X.to_numpy()
    begin = time.perf_counter()
    ours = [distance_correlation(column, y) for column in columns.T]
    seconds = time.perf_counter() - begin
    begin = time.perf_counter()
    usual = correlation_by_matrices(columns[:, 0], y)
    usual_seconds = (time.perf_counter() - begin) * X.shape[1]
    print(f"all of them in {seconds:.3f} s; the first by matrices of distances in {usual_seconds / X.shape[1]:.2f} s,")
    print(f"{usual:.10f} beside {ours[0]:.10f}")
    result = distance_covariance_test(y, X[["religious"]], random_state=0)
    print(f"\n{result.certificate}")
    figures = f"{seconds:.3f} s", f"{usual_seconds:.1f} s"
    return Line("marriages", "eight distance correlations", *figures, "matrices, 8 x one", result.certificate)


def correlation_by_matrices(x, y):
    """The same from all distances between rows, centered (Szekely and Rizzo 2014)."""
    n = len(x)
    distances = (np.abs(np.subtract.outer(values, values), dtype=np.float64) for values in (x, np.asarray(y)))
    centered = []
    for matrix in distances:
        sums = matrix.sum(axis=0)
        matrix -= sums / (n - 2) + (sums / (n - 2))[:, None] - sums.sum() / ((n - 1) * (n - 2))
        np.fill_diagonal(matrix, 0.0)
        centered.append(matrix.ravel())
    first, second = centered
    return first @ second / np.sqrt((first @ first) * (second @ second))


def align_digits(X, y, rng):
    """Match the two halves of some images, and count the rows that find their other half, or one of their class."""
    rows, order = rng.choice(len(X), N_DIGITS, replace=False), rng.permutation(N_DIGITS)
    first, second, digits = X[rows][:, WHITE], X[rows[order]][:, ~WHITE], y[rows]
    aligner = GromovAligner().fit(first, second)
    costs = cdist(first, first), cdist(second, second)
    matchings = {
        "GromovAligner": aligner.matching_,
        "POT's default, rounded": linear_sum_assignment(gromov_wasserstein(*costs), maximize=True)[1],
    }
    found = {name: order[matching] for name, matching in matchings.items()}
    shares = {
        name: (np.mean(images == np.arange(N_DIGITS)), np.mean(digits[images] == digits))
        for name, images in found.items()
    }
    truth = np.argsort(order)
    true_value = np.mean((costs[0] - costs[1][np.ix_(truth, truth)]) ** 2)
    return {"aligner": aligner, "shares": shares, "true value": true_value}


FAIRNESS_WEIGHTS = [0.0, 3.0, 10.0, 30.0, 100.0]
AFFORDABLE = 1.02  # of the smallest held-out deviance
AGES = {"age": [18.0, 30.0, 50.0, 80.0]}
MEASURES = {"distance_correlation": "dCor2", "unfairness_ratio": "UF", "jsd_scott": "JSD", "mean_gap": "largest gap"}


def fairness_stop():
    """Which price of a motor policy does not depend on sex, region and age, nor on any combination of them?"""
    motor = make_motor_claims(10_000, gerrymandering=0.5, random_state=0, as_frame=True)
    X = motor.data.assign(**np.log(motor.data[["vehicle_power", "vehicle_value", "density", "annual_mileage"]]))
    print(
        f"{len(X)} motor policies with {motor.target.sum()} claims in {motor.exposure.sum():.0f} years; protected are "
        f"{', '.join(motor.sensitive)},\nwhich act on the claims through the {X.shape[1]} predictors only"
    )
    tables = X, motor.target / motor.exposure, motor.sensitive, motor.exposure
    parts = train_test_split(*tables, test_size=0.4, random_state=0)
    X_train, X_test, y_train, y_test, S_train, S_test, years_train, years_test = parts

    usual = make_pipeline(StandardScaler(), PoissonRegressor(alpha=0.0, max_iter=1000))
    usual.fit(X_train, y_train, poissonregressor__sample_weight=years_train)
    with sklearn.config_context(enable_metadata_routing=True):
        search = weight_search().fit(X_train, y_train, sensitive_features=S_train, sample_weight=years_train)
        search.set_callbacks()
    chosen = search.best_params_["distancecovariancefairregressor__fairness_weight"]
    print(f"chosen by cross-validation: the fairest weight for {AFFORDABLE - 1:.0%} more deviance, {chosen:g}")

    predictions = {
        "PoissonRegressor of scikit-learn": usual.predict(X_test),
        "DistanceCovarianceFairRegressor": search.predict(X_test),
        "the same price for everybody": np.full(len(y_test), np.average(y_train, weights=years_train)),
    }
    gaps = {}
    print(f"\n{len(y_test)} other policies:{'deviance':>35}", *(f"{name:>8}" for name in MEASURES.values()))
    for name, rate in predictions.items():
        found = fairness_report(y_test, rate, S_test, bins=AGES, sample_weight=years_test).overall
        deviance = mean_poisson_deviance(y_test, rate, sample_weight=years_test)
        print(f"  {name:<48} {deviance:.4f}", *(f"{found[measure]:8.4f}" for measure in MEASURES))
        gaps[name] = f"{found['distance_correlation']:.4f}"
    certificate = search.best_estimator_[-1].certificate_
    print(f"\n{certificate}")
    usual, ours, _ = gaps.values()
    return Line("motor claims*", "dependence on attributes", ours, usual, "PoissonRegressor", certificate)


def weight_search():
    """Cross-validation of the fairness weight, in a pipeline to which the protected attributes are routed."""
    model = DistanceCovarianceFairRegressor(loss="poisson")
    model.set_fit_request(sensitive_features=True, sample_weight=True)
    scoring = {
        "dependence": make_fairness_scorer("dcor").set_score_request(sensitive_features=True, sample_weight=True),
        "deviance": get_scorer("neg_mean_poisson_deviance").set_score_request(sample_weight=True),
    }
    search = GridSearchCV(
        make_pipeline(StandardScaler().set_fit_request(sample_weight=True), model),
        {"distancecovariancefairregressor__fairness_weight": FAIRNESS_WEIGHTS},
        scoring=scoring,
        refit=fairest_affordable,
        cv=3,
    )
    search.set_callbacks(ProgressBar(max_propagation_depth=0))
    return search


def fairest_affordable(results):
    """The candidate with the least held-out dependence among those with nearly the smallest held-out deviance."""
    deviances = -results["mean_test_deviance"]
    return int(np.argmax(np.where(deviances <= AFFORDABLE * deviances.min(), results["mean_test_dependence"], -np.inf)))


SPLITS = 2


def market_stop():
    """Whom of several classifiers should one believe, and how much?"""
    X, y = load_breast_cancer(return_X_y=True, as_frame=True)
    participants = [
        ("logistic regression", make_pipeline(StandardScaler(), LogisticRegression())),
        ("forest", RandomForestClassifier(30, random_state=0)),
        ("naive Bayes, over-confident", GaussianNB()),
        ("full tree, over-confident", DecisionTreeClassifier(random_state=0)),
    ]
    rivals = {
        "PredictionMarketClassifier": PredictionMarketClassifier(participants, update="em"),
        "VotingClassifier of scikit-learn": VotingClassifier(participants, voting="soft"),
        "StackingClassifier of scikit-learn": StackingClassifier(participants),
    }
    print(f"{len(y)} tumors, four classifiers of them, {SPLITS} random splits, 40 % of the rows held out")
    losses = {}
    for split in range(SPLITS):
        X_train, X_test, y_train, y_test = train_test_split(X, y, test_size=0.4, stratify=y, random_state=split)
        for name, rival in rivals.items():
            losses.setdefault(name, []).append(log_loss(y_test, rival.fit(X_train, y_train).predict_proba(X_test)))
        market = rivals["PredictionMarketClassifier"]
        for name, alone in market.named_estimators_.items():
            losses.setdefault(name, []).append(log_loss(y_test, alone.predict_proba(X_test)))

    budgets = dict(zip(market.participants_, market.budgets_, strict=True))
    print("\nMean log loss of held-out rows, smaller is better, and the budgets of the last market:")
    for name, values in losses.items():
        budget = f"   {budgets[name]:5.3f}" if name in budgets else ""
        print(f"  {name:<38} {np.mean(values):.3f}{budget}")
    print(f"\n{market.certificate_}")
    ours, usual, _ = (f"{np.mean(losses[name]):.3f}" for name in rivals)
    return Line("tumors", "log loss of four classifiers", ours, usual, "VotingClassifier", market.certificate_)


DESIGNS = {"iid": "uniform", "christoffel": "optimal density", "repeated_dpp": "repeated DPP"}
POINTS = ("1.2m", "2m")
ISHIGAMI = {"alone": [0.3139, 0.4424, 0.0], "with others": [0.5576, 0.4424, 0.2437]}  # Sobol indices, exact
MULTIPLES = ("2m", "3m")


def design_stop():
    """Where should an expensive function be evaluated, and which rows of a table are worth a label?"""
    basis = PolynomialBasis("legendre", n_dims=3, degree=8, bounds=(-np.pi, np.pi))
    new = np.random.default_rng(0).uniform(-np.pi, np.pi, size=(5000, 3))
    m = basis.resolved().n_output_features_
    print(f"Ishigami's function by m = {m} polynomials of three variables. Error over the standard deviation, by the")
    print(f"  {'number of values; medians of 3 designs':<38}", *(f"{size:>7}" for size in POINTS))
    for design, name in DESIGNS.items():
        fits = [WeightedLeastSquaresApproximator(basis, design=design, n_samples=size) for size in POINTS]
        print(f"  {name:<38}", *(f"{median_error(fit, new):7.3f}" for fit in fits))
    surrogate = fits[-1].set_params(random_state=0).fit_function(ishigami)
    print("Sobol indices of the three variables by the last of these, and exact:")
    for (name, exact), found in zip(ISHIGAMI.items(), (surrogate.sobol_first_, surrogate.sobol_total_), strict=True):
        print(f"  {name:<38}", *(f"{index:.3f} ({truth:.3f})" for index, truth in zip(found, exact, strict=True)))

    schools = star98.load_pandas()
    X, above = schools.exog.to_numpy(), (schools.endog.iloc[:, 0] / schools.endog.sum(axis=1)).to_numpy()
    full = LinearRegression().fit(X, above).score(X, above)
    print(
        f"\nResults of {len(X)} school districts by {X.shape[1]} columns about them. Few are asked, in {REPEATS} draws."
    )
    print(f"R2 over all districts, {full:.2f} if all are asked:")
    worst = {}
    for multiple in MULTIPLES:
        fits = [DPPLeastSquares(multiple, random_state=seed).fit(X, above.take) for seed in range(REPEATS)]
        usual = [LinearRegression().fit(X[rows], above[rows]) for rows in map(rows_at_random, fits)]
        for name, models in {"DPPLeastSquares": fits, "LinearRegression, as many at random": usual}.items():
            scores = [model.score(X, above) for model in models]
            print(f"  {name:<38} {np.median(scores):6.2f}, at worst {min(scores):6.2f}", end="")
            print(f"   ({np.mean([fit.n_labels_ for fit in fits]):.0f} results on average)")
            worst[multiple, name] = f"{min(scores):.2f}"
    print(f"\n{fits[-1].certificate_}")
    ours, usual = list(worst.values())[-2:]
    return Line("school districts", "worst R2 from few labels", ours, usual, "rows at random", fits[-1].certificate_)


def rows_at_random(fit):
    """As many rows as a fit has labels."""
    rng = np.random.default_rng(fit.random_state)
    return rng.choice(fit.leverage_scores_.size, fit.n_labels_, replace=False)


def ishigami(x):
    """A test function of three variables."""
    return np.sin(x[:, 0]) + 7.0 * np.sin(x[:, 1]) ** 2 + 0.1 * x[:, 2] ** 4 * np.sin(x[:, 0])


def median_error(surrogate, new):
    """Median over three designs of the root mean squared error at new points, over the standard deviation."""
    truth = ishigami(new)
    fits = (surrogate.set_params(random_state=seed).fit_function(ishigami) for seed in range(3))
    return np.median([np.sqrt(np.mean((fit.predict(new) - truth) ** 2)) for fit in fits]) / truth.std()


N_LEVELS = 20
SEEN_LEVELS = [0, 3, 7, 11, 15, 18]
FOLDS = KFold(5, shuffle=True, random_state=0)
ALPHAS = np.logspace(-3, 3, 13)


def frechet_stop():
    """Which label, never seen in training, is the answer?"""
    X, progression = load_diabetes(return_X_y=True)
    levels = np.digitize(progression, np.linspace(25, 346, N_LEVELS + 1)[1:-1])
    scale = ChainMetric(range(N_LEVELS))
    print(f"Diabetes, its progression on a scale of {N_LEVELS} levels. {len(X)} patients, left out in five folds;")
    print(f"training has the levels {SEEN_LEVELS} only, {np.isin(levels, SEEN_LEVELS).sum()} patients in all")
    predicted = {}
    for train, test in FOLDS.split(X):
        seen = train[np.isin(levels[train], SEEN_LEVELS)]
        for name, labels in predictions_of_levels(X[seen], levels[seen], X[test], scale).items():
            predicted.setdefault(name, np.empty_like(levels))[test] = labels

    print("\nMean squared distance to the true level, and predictions that are levels which training had not:")
    for name, labels in predicted.items():
        unseen = np.mean(~np.isin(labels, SEEN_LEVELS))
        print(f"  {name:<44} {mean_squared_distance(levels, labels, scale):5.2f}   {unseen:4.0%}")

    seen = np.isin(levels, SEEN_LEVELS)
    grid = {"estimator__logisticregression__C": [0.01, 0.1, 1.0], "temperature": [0.5, 1.0, 2.0]}
    search = GridSearchCV(loki_of(scale), grid, scoring=metric_scorer(scale), cv=FOLDS).fit(X[seen], levels[seen])
    strength, temperature = search.best_params_.values()
    model = search.best_estimator_
    print(f"\nchosen by cross-validation on the seen levels: C = {strength:g}, temperature {temperature:g}")
    print(f"with training rows of level {model.next_classes(1)[0]} every level could be predicted\n")
    print(model.certificate_)
    usual, ours, *_ = (f"{mean_squared_distance(levels, labels, scale):.1f}" for labels in predicted.values())
    return Line("diabetes", "squared distance of labels", ours, usual, "most probable label", model.certificate_)


def loki_of(scale):
    """Logistic regression whose probabilities are averaged over a label space."""
    return LokiClassifier(make_pipeline(StandardScaler(), LogisticRegression()), metric=scale)


def predictions_of_levels(X_train, y_train, X_test, scale):
    """Levels predicted by several rules, trained on the same rows."""
    loki = loki_of(scale).fit(X_train, y_train)
    frequencies = np.bincount(y_train, minlength=N_LEVELS)
    ridge = RidgeCV(ALPHAS).fit(X_train, y_train)
    return {
        "LogisticRegression, the most probable level": loki.estimator_.predict(X_test),
        "LokiClassifier around it": loki.predict(X_test),
        "the best constant level of the training rows": frechet_predict(frequencies[None], scale, range(N_LEVELS)),
        "RidgeCV, rounded": np.clip(np.rint(ridge.predict(X_test)), 0, N_LEVELS - 1).astype(int),
    }


N_IMAGES, N_UNITS, N_MEASURED = 4000, 2000, 100
EFFECTS = (0.0, 0.3, 0.6)


def debias_stop():
    """What was the effect of a trial whose outcomes are predictions?"""
    rng = np.random.default_rng(0)
    layer = rng.normal(size=(2, 40))  # what an image shows of the wealth of a village, in noise
    wealth = rng.normal(size=N_IMAGES)
    images = images_of(wealth, layer, rng)
    half = N_IMAGES // 2
    wealth_map = RidgeCV(ALPHAS).fit(images[:half], wealth[:half])
    corrector = LinearCalibrationCorrector().fit(wealth_map.predict(images[half:]), wealth[half:])
    print(f"A map of wealth learned from {half} images of villages, calibrated on {half} more, and three trials of")
    print(f"{N_UNITS} villages each. Effects on wealth, with intervals of 95 %:")
    found = [effects_of_trial(effect, wealth_map, corrector, layer, rng) for effect in EFFECTS]
    print(f"  {'true effect':<38}", *(f"{effect:>21.1f}" for effect in EFFECTS), sep="  ")
    for name in found[0]:
        print(f"  {name:<38}", *(interval_of(effects[name]) for effects in found), sep="  ")

    X, progression = load_diabetes(return_X_y=True)
    heavy = X[:, 2] > np.median(X[:, 2])  # the predictions see the body mass index
    predicted = cross_val_predict(RidgeCV(ALPHAS), X, progression, cv=FOLDS)
    corrector = LinearCalibrationCorrector().fit(predicted, progression)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always", DifferentialErrorWarning)
        corrected = debiased_ate(corrector, predicted, heavy, calibration_groups=heavy)
    print("\nWhen not to: progression of diabetes, patients of high body mass index against the others,")
    print("and a prediction that knows the body mass index:")
    print(f"  {'measured':<38} {interval_of(estimate_ate(progression, heavy))}")
    print(f"  {'predictions as they are':<38} {interval_of(estimate_ate(predicted, heavy))}")
    print(f"  {'corrected':<38} {interval_of(corrected)}")
    print(textwrap.fill(f"Warning: {caught[0].message}", 100), end="\n\n")
    print(corrected.certificate)
    ours, usual = (f"{found[-1][name].estimate:.2f}" for name in ("corrected", "predictions as they are"))
    certificate = found[-1]["corrected"].certificate
    failed = [check for check in certificate.checks if check.holds is False]
    print(
        "\nIn the last of the three trials the certificate fails too:",
        *(f"{check.name}, {check.detail}" for check in failed),
    )
    return Line("trial of villages*", f"an effect of {EFFECTS[-1]}", ours, usual, "predictions", certificate)


def images_of(wealth, layer, rng):
    """Images, as columns, that depend on wealth alone."""
    return np.maximum(wealth[:, None] * layer[0] + layer[1], 0.0) + 2.5 * rng.normal(size=(wealth.size, layer.shape[1]))


def effects_of_trial(effect, wealth_map, corrector, layer, rng):
    """Estimates of one randomized trial, by name."""
    treated = rng.random(N_UNITS) < 0.5
    wealth = rng.normal(size=N_UNITS) + effect * treated
    predicted = wealth_map.predict(images_of(wealth, layer, rng))
    lab, unl = slice(N_MEASURED), slice(N_MEASURED, None)
    return {
        "were wealth measured": estimate_ate(wealth, treated),
        "predictions as they are": estimate_ate(predicted, treated),
        "corrected": debiased_ate(corrector, predicted, treated),
        f"{N_MEASURED} villages measured alone": estimate_ate(wealth[lab], treated[lab]),
        f"{N_MEASURED} measured, with predictions (PPI)": ppi_ate(
            wealth[lab], predicted[lab], treated[lab], predicted[unl], treated[unl]
        ),
    }


def interval_of(result):
    """An estimate and its interval in columns."""
    digits = 2 if abs(result.estimate) < 10 else 0
    low, high = (f"{end:.{digits}f}" for end in result.ci)
    return f"{result.estimate:6.{digits}f} ({low:>5}, {high:>5})"


FLIP_CHANCE = 0.4
N_COMPONENTS = (5, 30)


def halfspace_stop():
    """Which linear rule survives labels of which many are wrong, and what can be believed about it?"""
    X, benign = load_breast_cancer(return_X_y=True)
    first, second = PCA(2, whiten=True).fit_transform(StandardScaler().fit_transform(X)).T
    doubtful = (first * second < 0.0) & (np.abs(first) > 0.3)
    print(f"{len(X)} tumors. In {doubtful.sum()} of them, told by two principal components, a label is wrong with")
    print(f"probability {FLIP_CHANCE:g}. Accuracy on true labels of left-out tumors, {DRAWS} random splits:")
    print(f"  {'learned from principal components':<38}", *(f"{n:>16}" for n in N_COMPONENTS), sep="  ")
    fitted = {}
    for n_components in N_COMPONENTS:
        for seed in range(DRAWS):
            rng = np.random.default_rng(seed)
            labels = np.where(doubtful & (rng.random(len(X)) < FLIP_CHANCE), 1 - benign, benign)
            train, test = train_test_split(np.arange(len(X)), test_size=0.3, random_state=seed)
            rivals = {
                "LogisticRegression": LogisticRegression(),
                "TestableHalfspaceClassifier": TestableHalfspaceClassifier(on_reject="ignore", random_state=seed),
            }
            for name, rival in rivals.items():
                model = make_pipeline(StandardScaler(), PCA(n_components), rival).fit(X[train], labels[train])
                score = model.score(X[test], benign[test])
                fitted.setdefault(name, {}).setdefault(n_components, []).append((score, rival))
    for name, found in fitted.items():
        cells = [[score for score, _ in fits] for fits in found.values()]
        print(f"  {name:<38}", *(f"{np.mean(cell):7.3f} +- {np.std(cell):.3f}" for cell in cells), sep="  ")

    certificates = [model.certificate_ for _, model in fitted["TestableHalfspaceClassifier"][N_COMPONENTS[0]]]
    held = sum(certificate.holds is True for certificate in certificates)
    print(f"\nWith {N_COMPONENTS[0]} components {held} of {DRAWS} are certified. What the first one says:")
    for check in certificates[0].checks:
        verdict = {True: "holds", False: "fails", None: "not decided"}[check.holds]
        if check.kind == "test":
            print(f"  {check.name:<38} {verdict:<12} {check.detail.removeprefix('not decided, ')[:100]}")
    usual, ours = (np.mean([score for score, _ in found[N_COMPONENTS[0]]]) for found in fitted.values())
    figures = f"{ours:.3f}", f"{usual:.3f}"
    return Line("tumors, noisy labels", "accuracy", *figures, "LogisticRegression", certificates[0])


DIGIT_PAIRS = [(0, 1), (3, 8), (1, 8)]
STEPS = (100, 1000, 10_000)


def linear_stop():
    """Is it separable, with what margin, and which linear classifier should one take?"""
    images, digits = load_digits(return_X_y=True)
    print("Pairs of digits. Their margins, and the intervals that normalized steps have proved after")
    print(f"  {'':<10} {'margin':>7}", *(f"{n_steps:>11} steps" for n_steps in STEPS), sep="  ")
    for pair in DIGIT_PAIRS:
        rows = np.isin(digits, pair)
        X, y = images[rows] / 16, digits[rows]
        found = separability(X, y)
        intervals = [interval_of_margin(X, y, n_steps) for n_steps in STEPS]
        print(f"  {pair[0]} or {pair[1]:<5} {found.margin_lower:7.4f}", *intervals, sep="  ")

    X, benign = load_breast_cancer(return_X_y=True)
    X = StandardScaler().fit_transform(X)
    print("\nThe tumors, all columns scaled:")
    for method in ("perceptron", "auto"):
        found = separability(X, benign, method=method, max_iter=STEPS[0])
        print(f"  {method:<12} {found.status}, margin at most {found.margin_upper:.4f}")
    for tol in (1e-4, 1e-8):
        fit = LogisticRegression(C=np.inf, tol=tol, max_iter=10_000).fit(X, benign)
        print(f"  LogisticRegression, tol={tol:g}: largest coefficient {np.abs(fit.coef_).max():,.0f}")
    print(f"\n{found.certificate}")

    curve = generative_discriminative_curve(X, benign, n_repeats=10, random_state=0)
    print("\nErrors on held-out tumors, naive Bayes with pooled variances and penalized logistic regression:")
    print(f"  {'training rows':<16}", *(f"{size:6}" for size in curve.table["train_size"]))
    for name in ("generative", "discriminative"):
        print(f"  {name:<16}", *(f"{error:6.3f}" for error in curve.table[f"{name}_error"]))
    print(textwrap.fill(curve.certificate.claim, 100))
    figures = f"{found.status}", "unknown"
    return Line("tumors", "are they separable?", *figures, "LogisticRegression", found.certificate)


def interval_of_margin(X, y, n_steps):
    """The interval of the margin after so many normalized steps, as text."""
    model = LargeStepLogisticClassifier(gamma=10.0, stop="margin", margin_tol=1e-6, max_iter=n_steps, fallback="pocket")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)  # the interval says how far it came
        model.fit(X, y)
    low = f"{model.margin_lower_:.4f}" if model.margin_lower_ > 0 else "?"
    return f"{low:>6} to {model.margin_upper_:.4f}"


STOPS = {
    "ordinal: rare events": ordinal_stop,
    "graph: communities": graph_stop,
    "gromov: matching without a key": gromov_stop,
    "dependence: whatever its form": dependence_stop,
    "fairness: the price of a motor policy": fairness_stop,
    "market: whom to believe": market_stop,
    "design: few evaluations, few labels": design_stop,
    "frechet: labels never seen in training": frechet_stop,
    "debias: predictions for outcomes": debias_stop,
    "halfspace: labels that are wrong": halfspace_stop,
    "linear: separable or not": linear_stop,
}


def main():
    """Visit every stop, say how long each took, and put the figures side by side."""
    begin, lines = time.perf_counter(), {}
    for title, stop in STOPS.items():
        print(f"\n=== {title} ===")
        start = time.perf_counter()
        lines[title.split(":")[0]] = stop()
        print(f"\n({time.perf_counter() - start:.1f} s)")
    print_table(lines)
    print(f"\n* simulated; all other data are real. The whole tour took {time.perf_counter() - begin:.0f} s.")


def print_table(lines):
    """The closing table: our figure beside that of the usual choice, and what the certificate says."""
    print("\n=== what the stops found ===")
    heads = ("family", "data", "quantity", "ours", "usual", "usual choice", "certificate")
    rows = [heads]
    for family, line in lines.items():
        rows.append((family, *line[:-1], VERDICTS[line.certificate.holds]))
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    for row in rows:
        print("  ".join(f"{cell:<{width}}" for cell, width in zip(row, widths, strict=True)).rstrip())


VERDICTS = {True: "holds", False: "fails", None: "not decided"}


if __name__ == "__main__":
    main()
