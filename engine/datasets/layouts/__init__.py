"""How pictures lie in folders: one file per layout, found by its file name.

A layout has `matches(folder) -> bool` and `read(folder) -> Reading`, of a tree.Folder. At most one matches a folder, besides the layout `folder`,
which is tried last.
"""
