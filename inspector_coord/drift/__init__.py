"""What became wrong, since when, where first, and what had just happened: reports over the booked sweeps."""
