"""The review desk: a web page where people judge alerts, and the loop from verdicts to labels."""
