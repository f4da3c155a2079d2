"""Keeps in MLflow what happened, without making a stage wait for it.

A stage appends to a journal (`journal`, no MLflow, microseconds); a background recorder
(`recorder`) replays journals into MLflow while the pipeline runs and closes the parent run
when the pipeline's process is gone. What a killed recorder left, the next command finishes.
"""
