"""What a WSGI server loads: ``wsgi:app``."""

from config import Settings
from panel.app import create_panel_app
from panel.kernel.processes import settle

app = create_panel_app(Settings.from_environment())
settle()
