import pytest

from analyses.errors import AnalysisError
from analyses.showing import signing_in


class _User:
    is_logged_in = True

    def __init__(self, **told: object) -> None:
        self._told = told

    def to_dict(self) -> dict[str, object]:
        return self._told


@pytest.fixture
def configured(monkeypatch):
    def configure(parts: dict[str, object], **told: object) -> None:
        monkeypatch.setattr(signing_in.st, "secrets", parts)
        monkeypatch.setattr(signing_in.st, "user", _User(**told))

    return configure


ROLES = {"roles": {"Eva@kommune.dk": "evaluator", "ana@kommune.dk": "analyst"}}


def test_without_sign_in_everybody_on_the_machine_may_do_everything(configured):
    configured({})
    assert not signing_in.is_required()
    assert all(signing_in.may(right) for right in ("read", "upload", "inspect"))


@pytest.mark.parametrize(
    ("who", "rights"),
    [
        ("eva@kommune.dk", {"read", "upload"}),
        ("ana@kommune.dk", {"read", "upload", "inspect"}),
        ("leo@kommune.dk", {"read"}),
    ],
)
def test_a_role_gives_its_rights(configured, who, rights):
    configured({"auth": {"x": 1}, "kobling": ROLES}, email=who)
    assert {right for right in ("read", "upload", "inspect") if signing_in.may(right)} == rights


def test_an_address_that_is_not_confirmed_has_no_role_of_its_own(configured):
    configured({"auth": {"x": 1}, "kobling": ROLES}, email="ana@kommune.dk", email_verified=False)
    assert signing_in.role() == "reader"


def test_a_role_that_there_is_none_of_is_refused_by_name(configured):
    configured({"auth": {"x": 1}, "kobling": {"role": "boss"}}, email="a@b.dk")
    with pytest.raises(AnalysisError, match=r'"boss"; there are reader, evaluator, analyst'):
        signing_in.role()


def test_sign_in_without_its_library_is_refused(configured, monkeypatch):
    configured({"auth": {"x": 1}})
    monkeypatch.setattr(signing_in, "find_spec", lambda name: None)
    with pytest.raises(AnalysisError, match=r"authlib and httpx cannot be found.*\.\[login\]"):
        signing_in.require("da")
