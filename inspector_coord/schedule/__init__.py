"""Sweeps by the clock: which is due, one at a time, and none twice."""
