"""The parts of `scripts/record-fidelity`: a real log, replayed against OpenTrail, and its records compared with the real ones."""
