"""Says whether cameras and footage are still as they were: faults of a camera, drift, the page."""
