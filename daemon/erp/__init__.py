"""The ERP adapters that ship with the daemon, and the loader that finds all others."""
