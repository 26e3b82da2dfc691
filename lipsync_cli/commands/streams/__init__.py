"""Commands whose work goes on as long as something comes in."""
