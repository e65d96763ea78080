"""A node as a witness: it looks at others of its ring when it is asked to, and says how it sees the ring itself."""
