"""The one door to scikit-learn's private names.

scikit-learn has no public twin for these names and may move them in any release. Every other file of the library and
of its tests imports them from here, so a move costs one edit.
"""

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, TypeVar

from sklearn.ensemble._base import _BaseHeterogeneousEnsemble
from sklearn.utils import _safe_indexing
from sklearn.utils._array_api import get_namespace
from sklearn.utils._optional_dependencies import check_matplotlib_support
from sklearn.utils._param_validation import (
    HasMethods,
    Hidden,
    Interval,
    InvalidParameterError,
    Options,
    RealNotInt,
    StrOptions,
    validate_parameter_constraints,
)
from sklearn.utils.validation import (
    _check_feature_names_in,
    _check_method_params,
    _check_sample_weight,
    _is_fitted,
    _num_samples,
)

if TYPE_CHECKING:
    # scikit-learn has no types, and a decorator without types hides those of what it decorates.
    Decorated = TypeVar("Decorated", bound=Callable[..., Any])

    def _fit_context(*, prefer_skip_nested_validation: bool) -> Callable[[Decorated], Decorated]: ...

    def validate_params(
        parameter_constraints: dict[str, Any], *, prefer_skip_nested_validation: bool
    ) -> Callable[[Decorated], Decorated]: ...
else:
    from sklearn.base import _fit_context
    from sklearn.utils._param_validation import validate_params

__all__ = [
    "HELD_DURING_FIT",
    "HasMethods",
    "Hidden",
    "Interval",
    "InvalidParameterError",
    "Options",
    "RealNotInt",
    "StrOptions",
    "_BaseHeterogeneousEnsemble",
    "_check_feature_names_in",
    "_check_method_params",
    "_check_sample_weight",
    "_fit_context",
    "_is_fitted",
    "_num_samples",
    "_safe_indexing",
    "check_matplotlib_support",
    "get_namespace",
    "validate_parameter_constraints",
    "validate_params",
]

# Attributes in which callbacks keep their place in an estimator until its fit ends.
HELD_DURING_FIT = "_callback_fit_ctx", "_skl_callbacks_to_teardown"
