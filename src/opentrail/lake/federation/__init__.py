"""Federation (reference of Lake, §8): other engines read a store's table as it is, in a catalog of Iceberg tables.

`control` notes in the state database what is wanted; the lake's `keeper` carries it out in a catalog (`catalogs`) and follows each commit.
"""
