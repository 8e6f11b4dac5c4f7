"""Monitoring of a process: metrics, traces, health and logs. `tracing` alone needs the extra ``distributed``.

- `telemetry`: `Instruments`, the hooks that the shell calls; `metrics` and `tracing` are its parts.
- `health`: named checks for liveness and readiness; `stuck` judges consumers.
- `probes`: the HTTP server that shows health and metrics.
- `logs`: text or JSON on standard error.
"""
