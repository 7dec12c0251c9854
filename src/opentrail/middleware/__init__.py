"""Turn a web application's own requests into audit events: who, what, on which resource, with what result.

    from opentrail.middleware import AuditMiddleware            # ASGI: Starlette, FastAPI
    app.add_middleware(AuditMiddleware, source="orders.example.com", skip=("/health",))

    from opentrail.middleware import WSGIAuditMiddleware        # WSGI: Flask
    app.wsgi_app = WSGIAuditMiddleware(app.wsgi_app, source="orders.example.com")

    from opentrail.middleware import AuditClient, AuditEvent, Who
    AuditClient(source="billing.example.com").put(AuditEvent(name="RefundOrder", who=Who(principal_id="ana"), resource="order/17"))

Runs inside other people's programs, so it needs nothing but the standard library, and of ours only the language floor. A request is never
held up or failed: events are sent from a thread, wait on disk while OpenTrail is away, and are counted when they must be dropped.
"""

from opentrail.middleware.asgi import AuditMiddleware
from opentrail.middleware.client import AuditClient, Figures
from opentrail.middleware.event import AuditEvent, Who
from opentrail.middleware.settings import AuditSettings, Keys
from opentrail.middleware.wsgi import WSGIAuditMiddleware

__all__ = ["AuditClient", "AuditEvent", "AuditMiddleware", "AuditSettings", "Figures", "Keys", "WSGIAuditMiddleware", "Who"]
