"""History: every sweep booked, node states and deviations kept as intervals; see docs/history.md."""
