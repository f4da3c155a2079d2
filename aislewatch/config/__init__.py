"""Read params.yaml into typed, frozen objects; refuse unknown keys and wrong types."""
