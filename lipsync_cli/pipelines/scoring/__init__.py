"""How good generated faces are: scores of weights and videos, of discriminators, and reports of scores that exist."""
