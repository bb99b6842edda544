"""Zones: what members' names answer. Records, zone files and lint here; what name servers do lies in provisioning."""
