"""Networks as data (graph, architecture), as torch modules (build), as source text, and on disk (export)."""
