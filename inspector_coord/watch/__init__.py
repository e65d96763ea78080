"""Liveness with witnesses: who is down, who is merely cut off, and from where one can tell."""
