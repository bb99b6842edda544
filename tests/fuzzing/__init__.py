"""The API asked by a program that has read its description: everything it allows, and what it does not."""
