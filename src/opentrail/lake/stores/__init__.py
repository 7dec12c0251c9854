"""Event data stores: made, changed, described, deleted; and which stretches of the journal each of them takes in (reference of Lake, §2).

    stores = EventDataStores(database, clock, …)       # the front: every operation, and every change of an organization
    register = StoreRegister(database, clock)          # anybody, in any process: the Protocol `neighbours.Stores`
    Keeper(database, clock).work()                     # the role `lake`: what is due

What others hang on an ARN, tags and a resource policy, is kept here for stores, channels and dashboards alike (`attachments`).
"""
