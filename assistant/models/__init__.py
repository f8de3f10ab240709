"""The life of a model after its training: registered, promoted, tracked, served, exported.

A version of a model is the model of a finished run at one of its thresholds. What is decided of it stands in the database
(registry.py); MLflow is told of it (tracking.py), and workers serve it (serving/).
"""
