"""Consentio Sync's adapter for Crates."""

from consentio_sync_crates.adapter import CratesAdapter

__all__ = ["CratesAdapter"]
