"""Calls that go on to another AWS-compatible endpoint: which one (`upstreams`), over what (`connection`, `pool`), and how (`forward`)."""

from opentrail.proxy.forward import BadGateway, Proxy, UpstreamAnswer
from opentrail.proxy.upstreams import Credentials, Upstream, Upstreams

__all__ = ["BadGateway", "Credentials", "Proxy", "Upstream", "UpstreamAnswer", "Upstreams"]
