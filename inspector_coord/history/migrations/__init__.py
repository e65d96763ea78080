"""The steps that bring the tables of a history up to date; `versions/` has one file a step.

A step is never changed once it was released: a database out there has taken it. A new one goes after it, and
inspector_coord/history/tables.py follows.
"""
