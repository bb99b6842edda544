"""Contracts: what a member signed, the service catalogue, and what that grants on a given day.

Belongs here: agreements and entitlements. How much of a grant is used is counted by the kinds themselves.
"""
