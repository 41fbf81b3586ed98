"""The dashboard as an ASGI application: page language, security headers and a health route.

`kobling dashboard` runs it on this machine; behind a reverse proxy, uvicorn runs `application` of
this module as a factory (see `docs/serving.md`).
"""

import asyncio
import hashlib
import importlib
import re
from base64 import b64encode
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

import streamlit as st
from streamlit import config
from streamlit.file_util import get_static_dir

import instruments
from analyses import pages
from analyses.showing.settings import OPTIONS, SERVED
from analyses.wording import LANGUAGES

if TYPE_CHECKING:
    from starlette.requests import Request
    from starlette.responses import Response
    from starlette.types import ASGIApp, Message, Receive, Scope, Send

HEALTH = "/health"
SCRIPT = "/kobling/language.js"

LANGUAGE_SCRIPT = """\
"use strict";
new MutationObserver(() => {
  const marked = document.querySelector("[data-language]");
  if (marked && document.documentElement.lang !== marked.dataset.language) {
    document.documentElement.lang = marked.dataset.language;
  }
}).observe(document.documentElement, { childList: true, subtree: true, attributes: true });
"""
"""Gives the document the language of the page that is shown, also after it has been changed."""

INLINE = re.compile(r"<script>(.*?)</script>", re.DOTALL)

HEADERS = {
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "X-Frame-Options": "DENY",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), microphone=(), geolocation=(), display-capture=()",
}


def application() -> st.App:
    """Give the dashboard as an ASGI application."""
    from starlette.middleware import Middleware
    from starlette.routing import Route

    @asynccontextmanager
    async def warmed(_app: st.App) -> AsyncIterator[dict[str, object]]:
        await asyncio.to_thread(_warm)
        yield {}

    addresses = ["/", *(f"/{page.path}" for page in pages.PAGES)]
    return st.App(
        script(),
        secrets={SERVED: True},
        lifespan=warmed,
        routes=[
            Route(HEALTH, _health),
            Route(SCRIPT, _language_script),
            *(Route(address, _index) for address in addresses),
        ],
        middleware=[Middleware(SecurityHeaders)],
    )


def run(*, port: int, address: str, headless: bool = False) -> None:
    """Serve the dashboard until it is stopped.

    Parameters
    ----------
    port, address
        Where it listens.
    headless
        Open no browser.
    """
    own = {"server.port": port, "server.address": address, "server.headless": headless}
    application().run(config=OPTIONS | own)


def configure() -> None:
    """Set Streamlit's options as this house has them, where no `streamlit run` has read them."""
    for name, value in OPTIONS.items():
        config.set_option(name, value)


def script() -> Path:
    """Give the file that Streamlit runs."""
    spec = find_spec("dashboard")
    assert spec is not None
    assert spec.origin is not None
    return Path(spec.origin)


class SecurityHeaders:
    """Adds the headers to every answer; they name no host but this one."""

    def __init__(self, app: "ASGIApp") -> None:
        self.app = app

    async def __call__(self, scope: "Scope", receive: "Receive", send: "Send") -> None:
        """Pass a request on, and add the headers to what comes back."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return

        async def add(message: "Message") -> None:
            if message["type"] == "http.response.start":
                given = [*message["headers"]]
                given += [(name.lower().encode(), text.encode()) for name, text in all_headers()]
                message = {**message, "headers": given}
            await send(message)

        await self.app(scope, receive, add)


def all_headers() -> list[tuple[str, str]]:
    """Give the security headers, with the policy on what a page may load."""
    return [*HEADERS.items(), ("Content-Security-Policy", policy())]


@cache
def policy() -> str:
    """Give the policy on what a page may load: from this host alone, and no script written in it.

    Streamlit's own script in the page is let through by its digest. Its styles are written in.
    """
    digests = [
        f"'sha256-{b64encode(hashlib.sha256(one.encode()).digest()).decode()}'"
        for one in INLINE.findall(_page())
    ]
    rules: Mapping[str, str] = {
        "default-src": "'self'",
        "script-src": " ".join(["'self'", *digests]),
        "style-src": "'self' 'unsafe-inline'",
        "img-src": "'self' data: blob:",
        "font-src": "'self' data:",
        "connect-src": "'self'",
        "worker-src": "'self' blob:",
        "object-src": "'none'",
        "base-uri": "'self'",
        "form-action": "'self'",
        "frame-ancestors": "'none'",
    }
    return "; ".join(f"{name} {value}" for name, value in rules.items())


def index(language: str) -> str:
    """Give Streamlit's page in a language, with the script that keeps it so."""
    return (
        _page()
        .replace('<html lang="en">', f'<html lang="{language}">', 1)
        .replace("<title>Streamlit</title>", "<title>Kobling</title>", 1)
        .replace("</head>", f'<script src=".{SCRIPT}" defer></script></head>', 1)
    )


@cache
def _page() -> str:
    return (Path(get_static_dir()) / "index.html").read_text(encoding="utf-8")


def _warm() -> None:
    """Load what the first page needs before anybody can ask for it."""
    importlib.import_module("analyses.showing.app")
    from analyses.showing import choosing, shelf

    shelf.shelf().warm(instruments.load(choosing.FIRST_INSTRUMENT))


async def _index(request: "Request") -> "Response":
    from starlette.responses import HTMLResponse

    asked = request.query_params.get("language")
    language = asked if asked in LANGUAGES else LANGUAGES[0]
    return HTMLResponse(index(language), headers={"Cache-Control": "no-cache"})


async def _language_script(_request: "Request") -> "Response":
    from starlette.responses import Response

    return Response(LANGUAGE_SCRIPT, media_type="text/javascript")


async def _health(_request: "Request") -> "Response":
    from starlette.responses import JSONResponse

    return JSONResponse({"status": "ok"})
