"""Runs the checks of one sweep on this node, within limits, and outlives whatever they do."""
