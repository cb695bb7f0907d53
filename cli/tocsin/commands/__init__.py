"""The subcommands of `tocsin`: one module each, with a `register(app)`."""
