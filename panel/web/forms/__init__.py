"""Forms: from what was typed to what an action takes, and from an action's errors back to the fields.

Belongs here: syntax only (is it a number, a date), so that nothing typed is lost. Every rule is in the action.
"""
