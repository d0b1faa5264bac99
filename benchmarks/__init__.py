"""Side-by-side timings against peer packages; run with ``python -m pytest benchmarks --benchmark-only``."""
