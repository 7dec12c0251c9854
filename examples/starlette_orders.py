"""An order service on Starlette whose requests are audit events: `uvicorn --app-dir examples starlette_orders:app`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Mount, Route

from opentrail.middleware import AuditMiddleware, Who


async def health(request: Request) -> Response:
    return Response("ok")


async def order(request: Request) -> Response:
    number = request.path_params["id"]
    if number >= 1000:
        return JSONResponse({"message": "There is no such order."}, 404)
    return JSONResponse({"id": number, "state": "paid"})


async def refund(request: Request) -> Response:
    if "x-user" not in request.headers:
        return JSONResponse({"message": "Say who you are."}, 401)
    return JSONResponse({"refunded": request.path_params["id"]})


async def broken(request: Request) -> Response:
    raise RuntimeError("the password is swordfish")


def who(scope: Mapping[str, Any]) -> Who | None:
    """A real application has a session or a token here."""
    for name, value in scope["headers"]:
        if name == b"x-user":
            return Who(principal_id=value.decode("latin-1"), details={"via": "x-user"})
    return None


app = Starlette(
    routes=[
        Route("/health", health),
        Route("/orders/{id:int}", order),
        Route("/broken", broken),
        Mount("/admin", routes=[Route("/orders/{id:int}/refund", refund, methods=["POST"])]),
    ]
)
app.add_middleware(AuditMiddleware, source="orders.example.com", who=who, skip=("/health",), query=("view",))
