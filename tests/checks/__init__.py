"""House rules as code: what a machine can hold us to. ``python -m tests.checks`` runs them all.

What belongs here: rules about how the project is written. What the product does is tested beside the product.
Each rule has a test that shows it can fail.
"""
