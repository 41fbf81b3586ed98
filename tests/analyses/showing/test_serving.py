"""What is sent beside the pages: headers, the language, and that the server is well."""

import asyncio
import os
import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
from streamlit.web.server.starlette.starlette_app import _validate_run_config
from typer.testing import CliRunner

from analyses import cli
from analyses.showing import serving
from analyses.showing.settings import OPTIONS

HOUSE = Path(__file__).parent.parent.parent.parent


def _headers(kind: str = "http") -> dict[str, str]:
    sent: list[dict] = []

    async def inner(scope, receive, send):
        start = {"type": "http.response.start", "status": 200, "headers": [(b"x-own", b"1")]}
        await send(start)

    async def send(message):
        sent.append(message)

    async def receive():
        return {"type": "http.request"}

    asyncio.run(serving.SecurityHeaders(inner)({"type": kind}, receive, send))
    return {name.decode(): text.decode() for name, text in sent[0]["headers"]}


def test_every_answer_has_the_headers_and_keeps_its_own():
    headers = _headers()
    assert headers["x-own"] == "1"
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["referrer-policy"] == "no-referrer"
    assert "frame-ancestors 'none'" in headers["content-security-policy"]
    assert list(_headers("websocket")) == ["x-own"]


def test_the_policy_names_no_other_host_and_lets_no_written_script_run():
    policy = serving.policy()
    assert not re.search(r"https?:|\*|unsafe-eval", policy)
    scripts = next(rule for rule in policy.split("; ") if rule.startswith("script-src"))
    assert "unsafe" not in scripts
    assert scripts.count("'sha256-") == len(serving.INLINE.findall(serving.index("da"))) > 0


@pytest.mark.parametrize("language", ["da", "en"])
def test_the_page_has_its_language_from_the_start(language):
    page = serving.index(language)
    assert page.count(f'<html lang="{language}">') == 1
    assert f'src=".{serving.SCRIPT}"' in page
    assert "<title>Kobling</title>" in page
    assert not re.search(r'(src|href)="https?:', page)


def test_both_ways_to_start_have_the_same_settings():
    said = tomllib.loads((HOUSE / ".streamlit" / "config.toml").read_text(encoding="utf-8"))
    flat: dict[str, object] = {}

    def flatten(table, before=""):
        for name, value in table.items():
            if isinstance(value, dict):
                flatten(value, f"{before}{name}.")
            else:
                flat[before + name] = value

    flatten(said)
    assert flat == OPTIONS


def test_the_command_listens_on_this_machine_unless_told_otherwise(monkeypatch):
    told: list[dict[str, object]] = []
    monkeypatch.setattr(serving, "run", lambda **options: told.append(options))
    assert CliRunner().invoke(cli.main, ["dashboard"]).exit_code == 0
    other = ["dashboard", "--address", "0.0.0.0", "--port", "80", "--headless"]
    assert CliRunner().invoke(cli.main, other).exit_code == 0
    assert told == [
        {"port": 8501, "address": "127.0.0.1", "headless": False},
        {"port": 80, "address": "0.0.0.0", "headless": True},
    ]


def test_every_setting_is_one_that_streamlit_takes(monkeypatch):
    taken: list[dict[str, object]] = []
    monkeypatch.setattr(serving.st.App, "run", lambda app, *, config: taken.append(config))
    serving.run(port=8502, address="127.0.0.1")
    assert _validate_run_config(taken[0]) == taken[0]
    assert taken[0]["server.port"] == 8502
    assert taken[0]["browser.gatherUsageStats"] is False


def test_the_server_runs_the_dashboard_of_this_house_wherever_it_is_called(tmp_path):
    code = "from analyses.showing import serving; print(serving.script())"
    found = subprocess.run(
        [sys.executable, "-c", code],
        cwd=tmp_path,
        env=os.environ | {"PYTHONPATH": str(HOUSE)},
        capture_output=True,
        text=True,
        check=True,
    )
    assert Path(found.stdout.strip()) == HOUSE / "dashboard.py"
