"""Benchmarks of the embedded and the distributed form: they print workload, machine and figures, and assert nothing."""
