"""One script per claim, each beside a reference; `python -m benchmarks` runs all and prints the table."""
