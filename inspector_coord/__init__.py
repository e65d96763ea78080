"""The coordinator: asks the ring, closes the ledger, folds what is wrong, escalates and reports."""
