"""The brain: layers of expectations, resolved to a baseline for each node, released under a number and a digest."""
