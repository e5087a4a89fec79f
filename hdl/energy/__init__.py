"""What circuits take in power and energy, as ranges."""
