"""What the service knows of architectures, criteria and built-in data sets without importing torch.

Tables of values; `tests/unit/lottery/test_catalog.py` holds them equal to what `winnow.lottery` builds.
"""
