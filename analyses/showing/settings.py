"""How Streamlit is set up: on this machine only, with no telemetry and no word of what went wrong.

The same stands in `.streamlit/config.toml`, for `streamlit run dashboard.py`; a test compares.
"""

MOST_MEGABYTES = 50
"""The largest file that can be uploaded."""

SERVED = "kobling_served"
"""The secret that tells a page that `analyses.showing.serving` serves it."""

OPTIONS: dict[str, str | int | bool] = {
    "browser.gatherUsageStats": False,
    "server.address": "127.0.0.1",
    "server.showEmailPrompt": False,
    "server.maxUploadSize": MOST_MEGABYTES,
    "server.fileWatcherType": "none",
    "runner.magicEnabled": False,
    "runner.postScriptGC": False,
    "client.showErrorDetails": "none",
    "client.showErrorLinks": "false",
    "client.toolbarMode": "minimal",
    "client.disableDataExport": True,
    "theme.font": "sans-serif",
    "theme.linkUnderline": True,
    "theme.light.primaryColor": "#0b4f8a",
    "theme.light.textColor": "#1a1a1a",
    "theme.light.linkColor": "#0b4f8a",
    "theme.dark.primaryColor": "#8ec5f0",
    "theme.dark.linkColor": "#8ec5f0",
}
"""Streamlit's options by name."""
