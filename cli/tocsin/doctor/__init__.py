"""What `tocsin doctor` checks, and what it advises."""
