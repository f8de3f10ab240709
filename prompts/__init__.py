"""Jinja2 templates of everything that is said to an LLM or about a run. Data only."""
