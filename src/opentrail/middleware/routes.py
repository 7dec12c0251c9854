"""The template of the route that a request took (`/orders/{id}`), as the frameworks tell it. Pure."""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import lru_cache
from typing import Any

NO_ROUTE = "(no route)"

_CONVERTER = re.compile(r"\{(\w+):\w+\}")
_WERKZEUG = re.compile(r"<(?:[^<>:]+:)?(\w+)>")


def of_asgi(scope: Mapping[str, Any], outer_root: str) -> str | None:
    """The template in `scope` after the application has answered; `None` when no router has been there at all.

    Starlette and FastAPI say which route it was; from others that fill in `path_params`, the template is put together out of the path.
    `outer_root` is the `root_path` that the request came with: what the router has added to it are mounts.
    """
    path, parameters = str(scope.get("path", "")), scope.get("path_params") or {}
    route = scope.get("route")
    template = getattr(route, "path_format", None) or getattr(route, "path", None)
    if isinstance(template, str):
        mounts = _templated(str(scope.get("root_path", ""))[len(outer_root) :], parameters)
        if not hasattr(route, "methods"):  # a mount: what is behind it has no routes that we know
            return f"{mounts}/{{path}}"
        return mounts + (_CONVERTER.sub(r"{\1}", template) if ":" in template else template)
    if "endpoint" in scope and parameters:
        return _templated(path, parameters)
    return NO_ROUTE if "router" in scope else None


def of_wsgi(environ: Mapping[str, Any]) -> str | None:
    """The template that Werkzeug (Flask) has left in `environ`, where it is as long as the request runs; `None` when nobody has said."""
    request = environ.get("werkzeug.request")
    if request is None:
        return None
    rule = getattr(getattr(request, "url_rule", None), "rule", None)
    return _of_rule(rule) if isinstance(rule, str) else NO_ROUTE


@lru_cache(maxsize=1024)
def _of_rule(rule: str) -> str:
    return _WERKZEUG.sub(r"{\1}", rule)


def _templated(path: str, parameters: Mapping[str, Any]) -> str:
    """`path` with the values of its parameters replaced by their names, whole segments only."""
    if not path or not parameters:
        return path
    for name, value in sorted(parameters.items(), key=lambda item: -len(str(item[1]))):
        text = str(value).strip("/")
        if text:
            path = re.sub(rf"(?<=/){re.escape(text)}(?=/|$)", lambda _, name=name: "{" + name + "}", path, count=1)  # type: ignore[misc]
    return path
