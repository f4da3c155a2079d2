"""The model registry, the one place besides tracking that knows MLflow."""
