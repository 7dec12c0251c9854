"""Dashboards and questions, the front's half: what answers for them."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from opentrail.api.cloudtrail.dashboards import DashboardOperations
from opentrail.api.cloudtrail.sample_queries import SampleQueryOperations
from opentrail.clock import Clock
from opentrail.config import LakeSettings
from opentrail.lake.dashboards.control import Dashboards
from opentrail.lake.neighbours import Stores
from opentrail.lake.questions.control import Questions
from opentrail.lake.questions.endpoint import Endpoint
from opentrail.storage.database import Database


def operations(
    database: Database, clock: Clock, *, stores: Stores, ask: Any, partition: Callable[[str], str], settings: LakeSettings
) -> tuple[DashboardOperations, SampleQueryOperations]:
    """For the front."""
    questions = Questions(database, clock, stores, _endpoint(settings))
    return (
        DashboardOperations(Dashboards(database, clock, stores), ask, partition),
        SampleQueryOperations(questions, stores, ask, partition),
    )


def _endpoint(settings: LakeSettings) -> Endpoint | None:
    if not settings.questions_url:
        return None
    key = Path(settings.questions_key) if settings.questions_key else None
    return Endpoint(url=settings.questions_url, model=settings.questions_model, key_file=key)
