"""How pictures lie in folders: one file per layout, found by its file name.

A layout has `matches(path) -> bool` and `read(path) -> list[Item]`. At most one matches a folder, besides the layout `folder`,
which is tried last.
"""
