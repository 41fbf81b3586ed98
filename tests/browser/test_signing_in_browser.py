"""Signing in through an identity provider, in real Chromium: the round trip and the roles."""

import pytest

import instruments
from analyses.section import Message
from analyses.wording import words
from benchmarks.served import CHROMIUM, chromium, free_port
from tests.analyses.reports import MARKED
from tests.analyses.showing.stocked import stock
from tests.browser.identity_provider import CLIENT, SECRET, identity_provider
from tests.browser.served import served

pytestmark = [
    pytest.mark.browser,
    pytest.mark.skipif(CHROMIUM is None, reason="no Chromium on this machine's PATH"),
]

SECRETS = """
[auth]
redirect_uri = "http://127.0.0.1:{port}/oauth2callback"
cookie_secret = "a long random text that nobody guesses"
client_id = "{client}"
client_secret = "{secret}"
server_metadata_url = "{provider}/.well-known/openid-configuration"

[kobling.roles]
"eva@kommune.dk" = "evaluator"
"""


def _said(key: str, **values: str) -> str:
    return words("da").say(Message(f"dashboard.{key}", values))


@pytest.fixture(scope="module")
def provider():
    with identity_provider({}) as provider:
        yield provider


@pytest.fixture(scope="module")
def address(provider, tmp_path_factory):
    """Serve a dashboard that lets in whom the provider has let in."""
    folder = tmp_path_factory.mktemp("server")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_CACHE_HOME", str(folder / "cache"))
        stock(instruments.load("coupling"), MARKED)
    port = free_port()
    configured = {"port": port, "client": CLIENT, "secret": SECRET, "provider": provider.address}
    (folder / ".streamlit").mkdir()
    (folder / ".streamlit" / "secrets.toml").write_text(SECRETS.format(**configured))
    with served(folder, port) as url:
        yield url


@pytest.fixture(scope="module")
def browser():
    with chromium() as browser:
        yield browser


@pytest.mark.parametrize(
    ("email", "confirmed", "role"),
    [
        ("Eva@kommune.dk", True, "evaluator"),
        ("leo@kommune.dk", True, "reader"),
        ("eva@kommune.dk", False, "reader"),
    ],
    ids=["named", "not-named", "not-confirmed"],
)
def test_who_signs_in_gets_their_own_rights_and_nobody_else_sees_anything(
    browser, address, provider, email, confirmed, role
):
    provider.person = {"email": email, "email_verified": confirmed}
    context = browser.new_context()
    page = context.new_page()
    page.set_default_timeout(60_000)
    page.goto(f"{address}/reliabilitet?language=da")
    page.get_by_text(_said("sign_in_first")).wait_for()
    assert page.locator(".kobling").count() == 0
    assert page.get_by_test_id("stSidebarNavLink").count() == 0
    page.get_by_role("button", name=_said("sign_in"), exact=True).click()
    page.locator(".kobling .answer").wait_for()
    sidebar = page.get_by_test_id("stSidebar")
    assert _said(f"role.{role}", who=email if confirmed else "").strip() in sidebar.inner_text()
    upload = sidebar.get_by_text(_said("upload"), exact=True)
    assert upload.count() == (role == "evaluator")
    page.get_by_role("button", name=_said("sign_out"), exact=True).click()
    page.get_by_role("button", name=_said("sign_in"), exact=True).wait_for()
    assert page.locator(".kobling").count() == 0
    context.close()
