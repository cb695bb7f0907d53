"""Commands: what people ask for goes through the log, and they get the fold's answer."""
