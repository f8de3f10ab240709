"""The engine: pure PyTorch and timm. It runs in a process of its own and is the only place that loads torch."""
