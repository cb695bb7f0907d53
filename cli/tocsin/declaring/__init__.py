"""Integrations as code: `tocsin.yaml` read, compared with what is there, and put in force."""
