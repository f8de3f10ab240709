"""Kinds of hardship, one file each: `endure(served, count)` gives counts by name, `tried` among them, all others of harm."""
