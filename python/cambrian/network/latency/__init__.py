"""How long networks take: measured on a device, and predicted from a table of its operations.

Nothing here imports torch until something is measured.
"""
