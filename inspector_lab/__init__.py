"""Practice fleets on one machine, used by the demo, the tests and the benchmarks alike."""
