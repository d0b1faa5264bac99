"""Sphinx configuration: builds with warnings as errors and without network (set DOCS_ONLINE=1 for outside links)."""

import os
import re
import warnings

import statlearn

project = "statlearn"
author = "statlearn developers"
copyright = "statlearn developers, BSD-3-Clause"
version = release = statlearn.__version__

extensions = [
    "myst_parser",
    "numpydoc",
    "sphinx-mathjax-offline",
    "sphinx.ext.autodoc",
    "sphinx.ext.autosummary",
    "sphinx.ext.intersphinx",
    "sphinx.ext.mathjax",
    "sphinx.ext.viewcode",
    "sphinx_copybutton",
    "sphinx_design",
    "sphinx_gallery.gen_gallery",
]

source_suffix = {".rst": "restructuredtext", ".md": "markdown"}
exclude_patterns = ["_build"]
templates_path = ["_templates"]
html_static_path = ["_static"]
default_role = "autolink"  # `name` links to its API page when it has one
nitpicky = True
# The inventories of these packages are not read offline.
nitpick_ignore_regex = [(r"py:.*", r"(sklearn|numpy|scipy|pandas|joblib|json|matplotlib)\..*")]

# -- Text ----------------------------------------------------------------------------------------
myst_enable_extensions = ["attrs_inline", "colon_fence", "deflist", "dollarmath"]
myst_heading_anchors = 3
copybutton_prompt_text = r">>> |\.\.\. |\$ "
copybutton_prompt_is_regexp = True

# -- API reference -------------------------------------------------------------------------------
autosummary_generate = True
autosummary_ignore_module_all = False
autodoc_typehints = "none"
toc_object_entries_show_parents = "hide"
numpydoc_show_class_members = False  # the class template lists the members that are our own
viewcode_line_numbers = True

# The default build reads no inventory: an unreachable one is a warning, and warnings are errors.
intersphinx_mapping = {}
if os.environ.get("DOCS_ONLINE") == "1":
    intersphinx_mapping = {
        "python": ("https://docs.python.org/3", None),
        "numpy": ("https://numpy.org/doc/stable", None),
        "sklearn": ("https://scikit-learn.org/stable", None),
    }

# -- Gallery -------------------------------------------------------------------------------------
warnings.filterwarnings("ignore", message="FigureCanvasAgg is non-interactive")
sphinx_gallery_conf = {
    "examples_dirs": "../examples",
    "gallery_dirs": "auto_examples",
    "filename_pattern": r"/plot_",
    "ignore_pattern": r"(__init__|tour)\.py",
    "doc_module": ("statlearn",),
    "backreferences_dir": "api/backreferences",
    "abort_on_example_error": True,
    "download_all_examples": False,
    "thumbnail_size": (560, 340),
    "remove_config_comments": True,
    "show_memory": False,
    "write_computation_times": False,  # that page asks a content network for its scripts
}

# -- HTML ----------------------------------------------------------------------------------------
html_theme = "pydata_sphinx_theme"
html_title = f"statlearn {version}"
html_favicon = "_static/mark.svg"
html_css_files = ["statlearn.css"]
html_show_sourcelink = False
html_sidebars = {"index": [], "getting_started": [], "changelog": [], "development": []}
html_theme_options = {
    "logo": {"text": "statlearn", "image_light": "_static/mark.svg", "image_dark": "_static/mark.svg"},
    "navbar_align": "left",
    "header_links_before_dropdown": 7,
    "navbar_end": ["theme-switcher"],
    "show_prev_next": False,
    "secondary_sidebar_items": {"**": ["page-toc"], "index": []},
    "footer_start": ["copyright"],
    "footer_end": ["sphinx-version", "theme-version"],
    "pygments_light_style": "a11y-high-contrast-light",
    "pygments_dark_style": "a11y-high-contrast-dark",
}


def setup(app):
    """Keep shapes such as ``(n_features_in_,)`` from being read as link targets, before numpydoc sees them."""

    def quote_shapes(app, what, name, obj, options, lines):
        lines[:] = [re.sub(r"\((\w+_),\)", r"(`\1`,)", line) for line in lines]

    app.connect("autodoc-process-docstring", quote_shapes, priority=100)
