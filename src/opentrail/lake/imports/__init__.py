"""Imports: delivered files become events of a store, each file once (reference of Lake, §5).

`control` keeps what was asked for, in the front; `importer` does it, in the role `lake`: it lists and reads a source (`source`), has worker
processes turn the files into drafts of the store's table (`worker`), and settles batch after batch (`settling`): what happened to a file is
in the state database or it did not happen.
"""
