"""The panel: what each member should have, who may ask for it, and the engine that makes nodes have it."""
