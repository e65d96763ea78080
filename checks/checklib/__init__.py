"""What every bundled check shares: the contract, the matchers, and safe ways to observe."""
