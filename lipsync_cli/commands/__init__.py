"""One file a command: options in, one library call, result out. The only folder that knows Typer."""
