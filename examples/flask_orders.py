"""An order service on Flask whose requests are audit events: `flask --app examples/flask_orders.py run`."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from flask import Flask, Response

from opentrail.middleware import WSGIAuditMiddleware

app = Flask(__name__)


@app.get("/health")
def health() -> str:
    return "ok"


@app.get("/orders/<int:number>")
def order(number: int) -> tuple[dict[str, Any], int]:
    if number >= 1000:
        return {"message": "There is no such order."}, 404
    return {"id": number, "state": "paid"}, 200


@app.get("/orders/export")
def export() -> Response:
    def lines() -> Iterator[str]:
        yield "id,state\n"
        yield "17,paid\n"

    return Response(lines(), mimetype="text/csv")


def who(environ: Mapping[str, Any]) -> str | None:
    """A real application has a session or a token here."""
    return environ.get("HTTP_X_USER")


app.wsgi_app = WSGIAuditMiddleware(app.wsgi_app, source="flask.example.com", who=who, skip=("/health",))  # type: ignore[method-assign]
