"""Evolution on whole populations: operators as small frozen descriptions, one generation, who lives on."""
