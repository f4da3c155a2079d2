"""Brings alerts to people: a disk outbox, and what empties it.

Who raises an alert calls ``Outbox.put`` with what alert.json says; it is on disk when that returns.
``Deliverer`` sends it to every target of ``delivery.yaml``, at least once.
"""
