"""Says from which light on a picture counts as dark, and how it is brightened."""

# Mean luminance above black, in code values of 8 bits, to which a darker picture is brought: the
# real room of docs/benchmarks.md has twice as much. Films of it with a quarter and a tenth of their
# light lost 1.2 and 9.0 points of AUC with people in front of the network and 5.8 and 14.8 on
# whole frames; brought back to their light, 0.3 and 0.1, and 0.0 and 0.4.
LEAST_LIGHT = 64.0

# Most by which a picture is brightened: what is darker shows the camera's noise, not people.
MOST_GAIN = 12.0
