"""Contracts: what a member signed, the service catalogue, and what that grants on a given day.

Belongs here: agreements and entitlements, orders of more, tasks before an end, and the steps by which services are held
back; what follows for the member as a whole is a grade (``members/grading.py``). How much of a grant is used is counted
by the kinds themselves.
"""
