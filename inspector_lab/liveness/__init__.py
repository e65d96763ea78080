"""Liveness in simulated time: the real watcher over an abstract ring of any size. Same seed, same bytes."""
