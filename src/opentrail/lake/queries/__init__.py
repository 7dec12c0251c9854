"""Running queries: asked for in the front, run by the lake in a process of their own each, read back by the front.

    front  (api/cloudtrail/queries)  --link-->  runner  --socket-->  child of the zygote, confined
    front  <-- state.db, files of long results ---/

The child reads the files of a snapshot and writes to its socket; it is the only place where SQL of users meets an engine.
"""
