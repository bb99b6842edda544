"""Every route and operation, asked by everybody, about everything: what comes back is what one table says."""
