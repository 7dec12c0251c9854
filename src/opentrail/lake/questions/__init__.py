"""Questions in words: from plain English to a query, offline (reference of Lake, §6.4). Nothing here runs a query.

`reading` takes a question apart with the words of `vocabulary.toml`, `building` writes the SELECT; what that does not cover is looked
for among
the sample queries (`retrieval`), and what is not found there is refused. `endpoint` asks a language model instead, where the settings
name one.
"""
