"""Measurements on a whole running panel: ``python -m tests.bench`` prints a table and writes JSON to ``var/bench/``.

What belongs here: what a person would call fast or slow. What is measured is done for real, on a lab of its own.
"""
