"""`tocsin up`: every process of one Tocsin on one machine, behind one address."""
