"""Benchmarks: they print workload, machine and figures, and assert nothing."""
