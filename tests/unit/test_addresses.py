"""Lists of hosts, origins and networks: what is none is refused when the settings are made."""

import pytest
from pydantic import ValidationError

from app.settings import Settings

HOSTS = " Fitserve.Example. ,[::1], 10.0.0.1,*.a.example,* "
USUAL = "https://App.Example:443/ , http://b.example:80"
OTHER = "vscode-webview://abc, http://c.example:8080, *"


@pytest.mark.parametrize(
    ("setting", "text", "name", "meant"),
    [
        ("allowed_hosts", "", "hosts", []),
        ("allowed_hosts", HOSTS, "hosts", ["fitserve.example", "::1", "10.0.0.1", "*.a.example", "*"]),
        ("cors_origins", USUAL, "origins", ["https://app.example", "http://b.example"]),
        ("cors_origins", OTHER, "origins", ["vscode-webview://abc", "http://c.example:8080", "*"]),
        ("trusted_proxies", "::1, 10.0.0.0/8", "proxies", ["::1/128", "10.0.0.0/8"]),
    ],
)
def test_lists_with_commas(setting: str, text: str, name: str, meant: list[str], monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv(f"FITSERVE_{setting.upper()}", text)
    assert list(getattr(Settings(), name)) == meant


@pytest.mark.parametrize(
    ("setting", "text"),
    [
        ("allowed_hosts", "fitserve.example:8000"),
        ("allowed_hosts", "http://fitserve.example"),
        ("allowed_hosts", "fit*.example"),
        ("allowed_hosts", "a b"),
        ("cors_origins", "null"),
        ("cors_origins", "app.example"),
        ("cors_origins", "https://app.example/page"),
        ("cors_origins", "https://*.example"),
        ("trusted_proxies", "*"),
        ("trusted_proxies", "proxy"),
        ("trusted_proxies", "10.0.0.1/8"),
    ],
)
def test_what_is_none_is_refused(setting: str, text: str, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv(f"FITSERVE_{setting.upper()}", text)
    with pytest.raises(ValidationError, match=setting):
        Settings()
