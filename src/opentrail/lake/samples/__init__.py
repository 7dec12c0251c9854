"""Sample queries of our own, as data, and the search over them (reference of Lake, §6.4). Pure Python; loaded at the first question."""
