"""How pictures lie in folders: one file per layout, found by its file name.

A layout has `matches(path) -> bool` and `read(path) -> list[Item]`; at most one layout matches a folder.
"""
