"""The long life of the daemon: opening, serving, scheduling, reloading, draining, closing."""
