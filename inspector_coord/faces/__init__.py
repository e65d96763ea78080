"""What a sweep's report looks like: to a person in a terminal, as a page, as a picture, to a pipe and to a CI server.

Every face is a function of the report alone (schema `inspector.sweep/1`), and treats every text in it as foreign.
"""
