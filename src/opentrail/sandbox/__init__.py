"""A volatile cloud for trying things out: moto's server as a child process (`process`), told of our IAM's changes (`mirror`)."""

from opentrail.sandbox.mirror import Mirror
from opentrail.sandbox.process import Sandbox

__all__ = ["Mirror", "Sandbox"]
