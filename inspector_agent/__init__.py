"""The eyes: a light agent on every node that answers pass or fail in one packet of a Serf query."""
