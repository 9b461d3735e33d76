"""What Extrato promises to others: events, envelope, subjects, REST bodies, documents and frames."""
