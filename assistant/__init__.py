"""The chat backend: from a sentence to a validated training spec, a run, and a summary. Never loads torch."""
