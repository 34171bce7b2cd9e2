"""What crosses a service's border, one file per owner. Data only: no I/O, no rules."""
