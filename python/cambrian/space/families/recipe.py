"""The training recipe as genes, for any family."""

from __future__ import annotations

from cambrian.space.genes import Choice, Float, Gene


def recipe_genes() -> dict[str, Gene]:
    """Return the genes that training reads: optimizer ("sgd": Nesterov momentum 0.9), lr, and so on.

    The learning rate's range has good values for both optimizers: sgd in its upper half, adamw in its lower.

    >>> cb.Space(width=cb.Choice(16, 32), **recipe_genes())
    """
    return {
        "optimizer": Choice("sgd", "adamw"),
        "lr": Float(1e-3, 1e-1, log=True, levels=64),
        "weight_decay": Float(1e-6, 1e-2, log=True, levels=32),
        "batch_size": Choice(32, 64, 128),
        "schedule": Choice("cosine", "constant", "linear"),
        "label_smoothing": Choice(0.0, 0.05, 0.1),
    }
