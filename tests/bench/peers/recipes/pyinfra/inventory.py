"""The node and the mailboxes, as the measurement wrote them down."""

import json
import os
from pathlib import Path

_order = json.loads(Path(os.environ["PEERS_ORDER"]).read_text(encoding="utf-8"))
mail = [(_order["host"], {**_order["ssh"], "accounts": _order["accounts"]})]
