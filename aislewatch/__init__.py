"""Aislewatch: from a shop's CCTV footage to a registered, monitored shoplifting detector."""

__version__ = "0.1.0"
