"""Pages of the benchmarks are written from one run."""

import json
import pathlib

import pytest

from benchmarks.table import figures_of, markdown_table, write_pages

PROJECT = pathlib.Path(__file__).parents[2]
PAGES, RESULTS = PROJECT / "docs" / "benchmarks", PROJECT / "benchmarks" / "results.json"
needs_pages = pytest.mark.skipif(not PAGES.is_dir(), reason="the pages of the documentation are not there")
RESULT = {"task": "a task", "seconds": 1.5, "met": True, "wanted": "2 s", "note": "a note"}


def run_of(family):
    return {
        "datetime": "2026-01-02T03:04:05",
        "environment": "Python 3; command: python -m pytest benchmarks",
        "benchmarks": [{"fullname": f"benchmarks/bench_{family}.py::test_it", "extra_info": {"results": [RESULT]}}],
    }


def test_only_the_figures_are_replaced(tmp_path):
    page = tmp_path / "market.md"
    page.write_text("# Markets\n\ntext\n\n## Figures\n\nold\n\n| old |\n\n## Quality\n\n### Figures\n\nkept\n")
    assert write_pages(run_of("market"), tmp_path) == ["market"]
    text = page.read_text()
    assert "old" not in text
    assert text.startswith(
        "# Markets\n\ntext\n\n## Figures\n\n2026-01-02. Python 3; command: python -m pytest benchmarks\n\n| "
    )
    assert "| a task | 1.5 s |  |  |  | 2 s | met; a note |\n\n## Quality\n\n### Figures\n\nkept\n" in text


def test_a_page_without_figures_is_an_error(tmp_path):
    (tmp_path / "market.md").write_text("# Markets\n")
    with pytest.raises(ValueError, match="one section ## Figures"):
        write_pages(run_of("market"), tmp_path)


def test_figures_make_the_same_table_without_what_is_no_figure():
    result = {**RESULT, "seconds": 1.23456789, "peer": "a peer", "peer_seconds": 2.0 / 3.0}
    result |= {"ratio": 0.54, "ratio_min": 0.5, "ratio_max": 0.58}
    run = run_of("market") | {"machine_info": {"node": "a name"}}
    run["benchmarks"][0] |= {"stats": {"min": 1.0}, "extra_info": {"results": [result]}}
    figures = figures_of(run)
    assert set(figures) == {"datetime", "environment", "benchmarks"}
    assert set(figures["benchmarks"][0]) == {"fullname", "extra_info"}
    assert figures["benchmarks"][0]["extra_info"]["results"][0]["seconds"] == 1.23457
    assert markdown_table(figures) == markdown_table(run)


@needs_pages
def test_the_pages_are_written_from_the_stored_run(tmp_path):
    """All pages, from one run."""
    pages = {page.name: page.read_text() for page in PAGES.glob("*.md") if page.stem != "index"}
    for name, text in pages.items():
        (tmp_path / name).write_text(text)
    families = write_pages(json.loads(RESULTS.read_text("utf-8")), tmp_path)
    assert {f"{family}.md" for family in families} == set(pages)
    for name, text in pages.items():
        assert (tmp_path / name).read_text() == text, f"{name} is not what benchmarks/results.json says"


@needs_pages
def test_every_page_has_a_place_for_its_figures(tmp_path):
    pages = [page for page in PAGES.glob("*.md") if page.stem != "index"]
    assert len(pages) > 10
    for page in pages:
        (tmp_path / page.name).write_text(page.read_text())
        assert write_pages(run_of(page.stem), tmp_path) == [page.stem]
        old, new = (text.read_text().split("\n## ") for text in (page, tmp_path / page.name))
        assert [part for part in old if not part.startswith("Figures")] == [
            part for part in new if not part.startswith("Figures")
        ]
