"""Members: the legal entities the association serves, how they nest, and where their data comes from.

Belongs here: members and reference data about Polish administration. Contracts and users have their own packages.
"""
