"""What makes a bare Debian host a node: run once as root by the operator, and again for each upgrade.

Belongs here: packages, the agent's own account and its one permission, firewall, clock, certificate, what starts at
boot. Does not belong here: the configuration of a service (each adapter's `*_base.install`), and anything the
panel may ask for: the panel cannot start this code.
"""

from provisioning.agent.base.conversation import (
    backup_setup_main,
    downgrade_main,
    main,
    name_servers_main,
    upgrade_main,
)
from provisioning.agent.base.setup import setup

__all__ = ["backup_setup_main", "downgrade_main", "main", "name_servers_main", "setup", "upgrade_main"]
