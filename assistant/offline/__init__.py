"""The built-in assistant: the same agent and tools as with a language model, driven by rules. No key, no network."""
