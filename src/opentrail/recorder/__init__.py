"""The recorder: a call, its caller and its outcome become one event record.

`Recorder.describe(observation)` gives the record's bytes. How requests and responses are spelled is compiled once per operation
(`operations`) from botocore's model: `spelling` for most services, `ec2` and `s3` for the two that go their own ways. `secrets` keeps
what must not be recorded out.
"""

from opentrail.recorder.observation import Observation, Tls
from opentrail.recorder.recorder import Recorder
from opentrail.recorder.service_events import service_event

__all__ = ["Observation", "Recorder", "Tls", "service_event"]
