"""What people watch the services with: health, metrics, traces and structured logs."""
