"""Rule sets as code: a YAML file read, tried on alerts, compared with what is in force."""
