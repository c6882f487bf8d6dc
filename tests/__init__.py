"""The suite; what several tests share is in `support`."""
