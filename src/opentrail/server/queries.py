"""Queries, the lake's half: what runs them."""

from __future__ import annotations

import os

from opentrail.clock import Clock
from opentrail.config import LakeSettings
from opentrail.lake.engines import chosen
from opentrail.lake.engines.local_cluster import TOKEN, LocalCluster
from opentrail.lake.neighbours import ResultBucket, Stores, Tables
from opentrail.lake.queries.children import Children
from opentrail.lake.queries.confinement import die_with_parent
from opentrail.lake.queries.delivery import Delivery
from opentrail.lake.queries.runner import Queries
from opentrail.lake.queries.vouching import Vouching
from opentrail.lake.queries.zygotes import REMOTE, SPARK_ZYGOTE
from opentrail.server.folder import DataFolder
from opentrail.server.query_answers import results_folder
from opentrail.signing import SigningKeys
from opentrail.storage.database import Database


def running(
    folder: DataFolder,
    database: Database,
    clock: Clock,
    *,
    stores: Stores,
    tables: Tables,
    bucket: ResultBucket,
    settings: LakeSettings,
    cluster: LocalCluster | None,
) -> Queries:
    """For the lake; `cluster` is the one of our own, where the settings ask for it."""
    results = results_folder(folder)
    return Queries(
        database,
        clock,
        stores=stores,
        tables=tables,
        children=_children(settings.engine, cluster),
        delivery=Delivery(database, clock, bucket=bucket, folder=results),
        vouching=Vouching(SigningKeys(database, folder.keys, clock), clock),
        folder=results,
        settings=settings,
    )


def local_cluster(folder: DataFolder, settings: LakeSettings) -> LocalCluster | None:
    """The cluster of our own, if `lake.engine` asks for one; not started yet."""
    if settings.engine != chosen.LOCAL_CLUSTER:
        return None
    return LocalCluster(
        folder.lake / "spark",
        folder.logs / "spark.log",
        cores=settings.query_threads,
        memory=settings.query_memory,
        die_with_parent=die_with_parent,
    )


def _children(engine: str, cluster: LocalCluster | None) -> Children:
    if engine == chosen.EMBEDDED:
        return Children()
    if cluster is not None:
        return Children(SPARK_ZYGOTE, nests=0, environment={REMOTE: cluster.remote, **cluster.environment})
    token = {TOKEN: os.environ[TOKEN]} if TOKEN in os.environ else {}
    return Children(SPARK_ZYGOTE, nests=0, environment={REMOTE: engine, **token})
