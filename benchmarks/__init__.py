"""Speed against peers: `python -m benchmarks` times named workloads in one run."""
