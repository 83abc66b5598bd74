"""Benchmarks: each a module with `main()`, run in one go by `make bench`, reported as ratios."""
