"""Check and Certificate: outcomes, immutability, printing, persistence, subclasses."""

import copy
import json
import pickle
from dataclasses import FrozenInstanceError, dataclass, replace

import numpy as np
import pytest

from statlearn.certificate import KINDS, Certificate, Check, format_table

GAP = Check("duality gap", 2e-9, 1e-6, True, "proof")
FAILED = Check("KKT violation", 0.5, 1e-6, False, "numerical")
UNDECIDED = Check("parallel slopes", float("nan"), 0.05, None, "test", "too few rows")
ROWS = Check("crossing rows", 3, None, None, "reported", "of 100")
FAILED_ROWS = Check("lost rows", 3, 0, False, "reported")


@dataclass(frozen=True)
class RangeCertificate(Certificate):
    """A certificate with two fields of its own."""

    interval: tuple = (0.0, 1.0)
    unit: str = ""


def make_certificate(*checks, **changes):
    return Certificate("The objective is minimal.", checks, **changes)


@pytest.mark.parametrize(
    ("checks", "holds"),
    [
        ([GAP], True),
        ([GAP, ROWS], True),
        ([GAP, UNDECIDED], None),
        ([GAP, FAILED, UNDECIDED], False),
        ([GAP, FAILED_ROWS], False),
        ([ROWS], None),
        ([], None),
    ],
)
def test_outcome_of_a_certificate(checks, holds):
    certificate = make_certificate(*checks)
    assert certificate.holds is holds
    assert bool(certificate) is (holds is True)


@pytest.mark.parametrize("kind", [kind for kind in KINDS if kind != "reported"])
def test_only_reported_checks_may_be_silent(kind):
    assert make_certificate(GAP, replace(UNDECIDED, kind=kind)).holds is None
    assert make_certificate(GAP, replace(UNDECIDED, kind="reported")).holds is True


def test_checks_are_found_by_name():
    certificate = make_certificate(GAP, ROWS)
    assert certificate["crossing rows"] is ROWS
    with pytest.raises(KeyError, match="no check named 'gap'; the checks are 'duality gap', 'crossing rows'"):
        certificate["gap"]


def test_numpy_values_become_plain_ones():
    check = Check("gap", np.float32(0.5), np.int64(2), np.bool_(True), "proof")
    assert [type(value) for value in (check.statistic, check.bound, check.holds)] == [float, int, bool]
    assert (check.statistic, check.bound, check.holds) == (0.5, 2, True)


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        (("", 1, 2, True, "proof"), ValueError, "name of Check must not be empty"),
        ((1, 1, 2, True, "proof"), TypeError, "name of Check must be a str. Got 1"),
        (("gap", "1", 2, True, "proof"), TypeError, "statistic of Check must be a real number or None. Got '1'"),
        (("gap", True, 2, True, "proof"), TypeError, "statistic of Check must be a real number"),
        (("gap", 1, 1j, True, "proof"), TypeError, "bound of Check must be a real number"),
        (("gap", 1, 2, 1, "proof"), TypeError, "holds of Check must be True, False or None. Got 1"),
        (("gap", 1, 2, True, "theorem"), ValueError, "kind of Check must be one of 'proof', .*Got 'theorem'"),
        (("gap", 1, 2, True, "proof", None), TypeError, "detail of Check must be a str. Got None"),
        (("gap", np.nan, 2, True, "proof"), ValueError, "holds of Check 'gap' must be None when the statistic"),
        (("gap", 1, np.nan, False, "proof"), ValueError, "holds of Check 'gap' must be None when the statistic"),
    ],
)
def test_bad_checks(arguments, error, message):
    with pytest.raises(error, match=message):
        Check(*arguments)


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        ((" ", [GAP]), ValueError, "claim of Certificate must not be empty"),
        ((None, [GAP]), TypeError, "claim of Certificate must be a str"),
        (("Minimal.", GAP), TypeError, "checks of Certificate must be a sequence of Check"),
        (("Minimal.", [GAP, "ok"]), TypeError, "checks of Certificate .* Got the entry 'ok'"),
        (("Minimal.", 3), TypeError, "checks of Certificate must be a sequence of Check. Got 3"),
        (("Minimal.", [GAP, GAP]), ValueError, "must have distinct names. Got 'duality gap' twice"),
        (("Minimal.", [GAP], "independent rows"), TypeError, "assumptions of Certificate must be a sequence of str"),
        (("Minimal.", [GAP], [1]), TypeError, "assumptions of Certificate .* Got the entry 1"),
    ],
)
def test_bad_certificates(arguments, error, message):
    with pytest.raises(error, match=message):
        Certificate(*arguments)


def test_added_fields_are_checked():
    with pytest.raises(TypeError, match="interval of RangeCertificate must be a number, .* Got {'low': 1} instead"):
        RangeCertificate("Inside.", [GAP], interval={"low": 1})


def test_certificates_do_not_change():
    checks, assumptions, interval = [GAP], ["independent rows"], np.array([1.0, 2.0])
    certificate = RangeCertificate("Inside.", checks, assumptions, interval=interval)
    checks.append(FAILED)
    assumptions.clear()
    interval[:] = 0.0
    assert certificate.holds is True
    assert certificate.assumptions == ("independent rows",)
    assert certificate.interval == (1.0, 2.0)
    with pytest.raises(FrozenInstanceError):
        certificate.claim = "Proved."
    with pytest.raises(FrozenInstanceError):
        certificate.checks[0].holds = False
    assert len({certificate, copy.deepcopy(certificate)}) == 1


def test_dictionary_is_standard_json():
    certificate = RangeCertificate(
        "Inside.",
        [GAP, Check("ratio", np.inf, -np.inf, False, "numerical"), UNDECIDED],
        ["independent rows"],
        interval=np.array([[0.0, np.nan], [1.0, 2.0]]),
        unit="m",
    )
    content = json.loads(json.dumps(certificate.to_dict(), allow_nan=False))
    assert content == certificate.to_dict()
    assert list(content) == ["claim", "holds", "checks", "assumptions", "interval", "unit"]
    assert content["holds"] is False
    assert content["interval"] == [[0.0, "nan"], [1.0, 2.0]]
    assert [check["statistic"] for check in content["checks"]] == [2e-9, "inf", "nan"]
    assert content["checks"][1] == {
        "name": "ratio",
        "kind": "numerical",
        "statistic": "inf",
        "bound": "-inf",
        "holds": False,
        "detail": "",
    }


def test_frame():
    pd = pytest.importorskip("pandas")
    frame = make_certificate(GAP, FAILED, ROWS).to_frame()
    assert list(frame) == ["name", "kind", "statistic", "bound", "holds", "detail"]
    assert frame["holds"].tolist() == [True, False, pd.NA]
    assert frame["bound"].isna().tolist() == [False, False, True]
    assert frame.loc[2, "statistic"] == 3
    assert make_certificate().to_frame().empty


def test_frame_without_pandas_names_the_extra(monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "pandas", None)
    with pytest.raises(ImportError, match=r"needs pandas.*pip install 'statlearn\[dataframe\]'"):
        make_certificate(GAP).to_frame()


@pytest.mark.parametrize(
    ("checks", "heading"),
    [([GAP], "Claim: Inside."), ([FAILED], "Claim, refused: Inside."), ([], "Claim, not decided")],
)
def test_a_claim_that_may_not_be_quoted_says_so(checks, heading):
    certificate = Certificate("Inside.", checks)
    assert str(certificate).splitlines()[1].startswith(heading)
    assert heading in certificate._repr_html_()


def test_a_mapping_of_names_to_checks():
    certificate = Certificate("Inside.", [GAP, ROWS])
    assert "duality gap" in certificate
    assert "duality" not in certificate
    assert GAP not in certificate
    assert list(certificate) == [GAP.name, ROWS.name]
    assert {name: certificate[name] for name in certificate} == {GAP.name: GAP, ROWS.name: ROWS}
    assert len(certificate) == 2


def test_printed_table():
    certificate = RangeCertificate("Inside.", [GAP, FAILED, ROWS], ["independent rows"], interval=[0, np.inf], unit="m")
    assert str(certificate).splitlines() == [
        "RangeCertificate: does not hold",
        "Claim, refused: Inside.",
        "Checks:",
        "  name           kind       statistic  bound  holds  detail",
        "  -------------  ---------  ---------  -----  -----  ------",
        "  duality gap    proof          2e-09  1e-06  yes",
        "  KKT violation  numerical        0.5  1e-06  NO",
        "  crossing rows  reported           3      -  -      of 100",
        "Assumed, not verified:",
        "  - independent rows",
        "interval: (0, inf)",
        "unit: m",
    ]
    assert "not decided" in str(make_certificate(UNDECIDED))


def test_long_claims_are_wrapped():
    text = str(Certificate("word " * 60, [GAP], ["other " * 60]))
    assert max(map(len, text.splitlines())) <= 100
    assert text.count("word") == text.count("other") == 60


def test_html_table_escapes_its_content():
    sneaky = "<script>&"
    certificate = RangeCertificate(sneaky, [replace(GAP, name=sneaky, detail=sneaky)], [sneaky], unit=sneaky)
    page = certificate._repr_html_()
    assert "<script>" not in page
    assert page.count("&lt;script&gt;&amp;") == 5
    assert page.count("<td>") == 6
    assert "Further fields" in page
    assert "Assumed" not in make_certificate(GAP)._repr_html_()


@pytest.mark.parametrize("certificate", [make_certificate(GAP, UNDECIDED), RangeCertificate("Inside.", [GAP])])
def test_pickle_and_copy(certificate):
    for twin in (pickle.loads(pickle.dumps(certificate)), copy.copy(certificate), copy.deepcopy(certificate)):
        assert type(twin) is type(certificate)
        assert str(twin) == str(certificate)
        assert twin.to_dict() == certificate.to_dict()


def test_skops_round_trip_trusts_two_names():
    skops_io = pytest.importorskip("skops.io")
    data = skops_io.dumps(make_certificate(GAP, ROWS, assumptions=["independent rows"]))
    trusted = skops_io.get_untrusted_types(data=data)
    assert sorted(trusted) == ["statlearn.certificate.Certificate", "statlearn.certificate.Check"]
    assert skops_io.loads(data, trusted=trusted) == make_certificate(GAP, ROWS, assumptions=["independent rows"])


def test_table_without_rows():
    assert format_table(["a", "bb"], []) == "a  bb\n-  --"
