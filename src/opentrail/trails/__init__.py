"""Trails: the standing orders (`control`), their log files (`delivery`), digest files (`digests`) and the proof (`validation`).

The room in the order data moves: `names`, `selectors` and `keys` are pure; `store` keeps trails, `plans` keeps what is on its way to a
bucket; `control` answers the API; `delivery` follows the journal and cuts log files; `digests` signs what was delivered; `courier` puts
both into buckets; `validation` checks a chain from its objects alone, `validate` fetches them for it.
"""
