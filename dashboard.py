"""The dashboard: `streamlit run dashboard.py` on one's own machine, or `kobling dashboard`.

What it is made of stands in `analyses/showing/`. For serving it to others see `docs/serving.md`.
"""

from analyses.showing import app

if __name__ == "__main__":
    app.main()
