"""One trainer per family; `get_trainer` in factory.py picks it."""
