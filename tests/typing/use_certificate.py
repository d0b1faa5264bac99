"""Certificates and errors as a type checker sees them; run by mypy, never by pytest."""

from typing import Any, Literal, assert_type

from statlearn.certificate import Certificate, Check
from statlearn.exceptions import NotSeparableError


def accepted() -> None:
    gap = Check("duality gap", 2e-9, 1e-6, True, "proof")
    rows = Check("crossing rows", 3, None, None, "reported", detail="of 100")
    assert_type(gap.statistic, float | int | None)
    assert_type(gap.kind, Literal["proof", "numerical", "test", "reported"])
    assert_type(gap.to_dict(), dict[str, Any])

    certificate = Certificate("The gap is closed.", [gap, rows], assumptions=("rows are independent",))
    assert_type(certificate.holds, bool | None)
    assert_type(certificate["duality gap"], Check)
    assert_type(bool(certificate), bool)
    assert_type(NotSeparableError("no rule", certificate).args[0], Any)


def mistakes() -> None:
    Check("duality gap", 2e-9, 1e-6, True, "guess")  # type: ignore[arg-type]
    Check("duality gap", "small", 1e-6, True, "proof")  # type: ignore[arg-type]
    Certificate("The gap is closed.", Check("gap", 0.0, 1e-6, True, "proof"))  # type: ignore[arg-type]
    Certificate("The gap is closed.", [])[0]  # type: ignore[index]
