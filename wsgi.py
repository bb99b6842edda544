"""What a WSGI server loads: ``wsgi:app``."""

from config import Settings
from panel.app import create_panel_app

app = create_panel_app(Settings.from_environment())
