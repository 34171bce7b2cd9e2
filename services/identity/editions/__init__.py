"""Country editions: address, hours, phone line, holidays, terms, links."""
