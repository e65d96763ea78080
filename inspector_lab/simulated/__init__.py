"""A ring of Serf agents in simulated time, and everything that can happen to it: same seed, same bytes."""
