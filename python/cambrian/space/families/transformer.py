"""Transformers of images by patches, of series, and of text."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

from cambrian.errors import unknown
from cambrian.space import nn
from cambrian.space.families.recipe import recipe_genes
from cambrian.space.genes import Choice, Gene
from cambrian.space.groups import Group, Repeat
from cambrian.space.space import Space, bound
from cambrian.space.symbols import Expr, GeneSymbol, GroupSymbol, Value
from cambrian.space.template import op, switch

_TOKENS = (4, 256)  # patches are cut so that an image has about as many
_PATCHES = (1, 2, 4, 8, 16, 32)
_ADDED = ("learned", "sinusoidal")
_INSIDE = ("rope", "alibi")
_POSITIONS = ("none", *_ADDED, *_INSIDE)
_KINDS = ("encoder", "decoder")
_GOALS = ("class", "next")


def _residual(x: Value, norm: GeneSymbol, place: GeneSymbol, dropout: GeneSymbol, work: Any) -> Value:
    """Add to x what `work` makes of it, normalised before (Xiong et al. 2020) or after (Vaswani et al.)."""
    return switch(  # type: ignore[no-any-return]
        place,
        {
            "pre": lambda: nn.add(x, nn.dropout(work(nn.norm(x, norm)), dropout)),
            "post": lambda: nn.norm(nn.add(x, nn.dropout(work(x), dropout)), norm),
        },
    )


def _by_word(gene: GeneSymbol, words: Sequence[str], use: Any, otherwise: Any) -> Value:
    """Use the words among those that a gene may be; where it is another, take what is used otherwise."""
    cases = {word: (lambda word=word: use(word)) for word in words if word in gene.gene.options}
    return switch(gene, cases, default=otherwise) if cases else otherwise()  # type: ignore[no-any-return]


def _attend(causal: bool) -> Any:
    def attend(
        x: Value,
        heads: Expr,
        sharing: Expr,
        position: GeneSymbol,
        norm: GeneSymbol,
        place: GeneSymbol,
        dropout: GeneSymbol,
    ) -> Value:
        def work(y: Value) -> Value:
            kv_heads = (heads // sharing).at_least(1)
            width = kv_heads * (y.features // heads).at_least(1)
            q = nn.linear(y, y.features, bias=False)
            k, v = nn.linear(y, width, bias=False), nn.linear(y, width, bias=False)

            def attended(word: str) -> Value:
                return nn.attention(q, k, v, heads, kv_heads, causal, word)

            mixed = _by_word(position, _INSIDE, attended, lambda: attended("none"))
            return nn.linear(mixed, y.features)

        return _residual(x, norm, place, dropout, work)

    return op(attend)


@op
def _convolve(
    x: Value, kernel: Expr, norm: GeneSymbol, place: GeneSymbol, dropout: GeneSymbol, activation: GeneSymbol
) -> Value:
    def work(y: Value) -> Value:
        z = nn.conv1d(y, y.features, kernel, groups=y.features)
        return nn.linear(nn.activation(z, activation), y.features)

    return _residual(x, norm, place, dropout, work)


def _mlp(
    x: Value,
    ratio: Expr,
    gated: GeneSymbol,
    activation: GeneSymbol,
    norm: GeneSymbol,
    place: GeneSymbol,
    dropout: GeneSymbol,
) -> Value:
    def work(y: Value) -> Value:
        width = y.features * ratio

        def gate() -> Value:  # two thirds as wide, so that gating costs no parameters (Shazeer 2020)
            narrow = (width * 2 // 3).at_least(1)
            scale = nn.activation(nn.linear(y, narrow), activation)
            return nn.multiply(scale, nn.linear(y, narrow))

        hidden = switch(gated, {True: gate, False: lambda: nn.activation(nn.linear(y, width), activation)})
        return nn.linear(hidden, y.features)

    return _residual(x, norm, place, dropout, work)


def _mix(x: Value, mixer: GeneSymbol) -> Value:
    return mixer(x)


def _block(x: Value, mix: GroupSymbol, mlp: GroupSymbol) -> Value:
    return mlp(mix(x))


def _embed(shape: tuple[int, ...], vocab: int | None) -> Any:
    """Return the template that makes tokens of an input."""
    if vocab is not None:
        return lambda x, width: nn.embedding(x, vocab, width)
    if len(shape) == 2:
        return lambda x, width: nn.linear(x, width)

    def patches(x: Value, width: Expr, patch: Expr) -> Value:
        # Kernels are odd: patches of an even side overlap by a pixel.
        return nn.tokens(nn.conv2d(x, width, patch + 1 - patch % 2, patch))

    return patches


def _network(decoder: bool, following: bool) -> Any:
    def head(y: Value, embedded: Value, tied: Any, outputs: Expr) -> Value:
        if following:
            scores = {True: lambda: nn.unembed(y, embedded), False: lambda: nn.linear(y, outputs)}
            return switch(tied, scores)  # type: ignore[no-any-return]
        return nn.linear(nn.last(y) if decoder else nn.mean(y), outputs)

    def network(
        x: Value,
        embed: GroupSymbol,
        blocks: GroupSymbol,
        position: GeneSymbol,
        norm: GeneSymbol,
        place: GeneSymbol,
        outputs: Expr,
        tied: Any = None,
    ) -> Value:
        embedded = embed(x)
        y = blocks(_by_word(position, _ADDED, lambda word: nn.position(embedded, word), lambda: embedded))
        y = switch(place, {"pre": lambda: nn.norm(y, norm), "post": y})
        return head(y, embedded, tied, outputs)

    return network


def _patches(sides: tuple[int, ...], wanted: Sequence[int] | None) -> list[int]:
    """Choose patch sides that leave few enough tokens to attend to, and enough to tell apart."""
    if wanted is not None:
        return list(wanted)
    counts = {patch: math.prod(-(-side // patch) for side in sides) for patch in _PATCHES}
    fitting = [patch for patch, count in counts.items() if _TOKENS[0] <= count <= _TOKENS[1]]
    nearest = min(_PATCHES, key=lambda patch: (abs(math.log(counts[patch] / _TOKENS[0])), patch))
    return fitting or [nearest]


def _check(
    shape: tuple[int, ...] | None, outputs: int | None, kind: str, predict: str, vocab: object
) -> None:
    if kind not in _KINDS:
        raise unknown("kind of transformer", kind, _KINDS)
    if predict not in _GOALS:
        raise unknown("goal of transformer", predict, _GOALS)
    if vocab is not None and (isinstance(vocab, bool) or not isinstance(vocab, int) or vocab < 1):
        raise ValueError(f"vocab= must be a positive integer, how many ids there are, or None; got {vocab!r}")
    if shape is None or (vocab is not None) != (len(shape) == 1):
        raise ValueError(
            "transformer works on images (channels, height, width) and series (length, features), and with "
            f"vocab= on ids (length,); got input={shape} and vocab={vocab}"
        )
    if predict == "next" and (kind != "decoder" or vocab is None or outputs != vocab):
        raise ValueError(
            "predict='next' is for kind='decoder' on ids, with as many outputs as vocab=; "
            f"got kind={kind!r}, vocab={vocab}, outputs={outputs}"
        )


def transformer(
    input: Sequence[int] = (1, 8, 8),
    outputs: int = 10,
    *,
    kind: str = "encoder",
    predict: str = "class",
    vocab: int | None = None,
    max_depth: int = 12,
    widths: Sequence[int] = (32, 48, 64, 96, 128),
    heads: Sequence[int] = (1, 2, 4, 8),
    sharing: Sequence[int] = (1, 2, 4),
    ratios: Sequence[int] = (1, 2, 3, 4),
    mixers: Sequence[str] | None = None,
    kernels: Sequence[int] = (3, 5, 7),
    patches: Sequence[int] | None = None,
    positions: Sequence[str] = _POSITIONS,
    norms: Sequence[str] = ("layer", "rms"),
    activations: Sequence[str] = ("relu", "gelu", "silu"),
    dropouts: Sequence[float] = (0.0, 0.1, 0.2),
    recipe: bool = True,
) -> Space:
    """Make a space of transformers of 1 … max_depth blocks (Vaswani et al. 2017).

    The input is an image (channels, height, width), cut into patches whose side is searched (Dosovitskiy et
    al. 2020), a series (length, features), or with `vocab` ids (length,) below `vocab`. An encoder looks both
    ways and classifies the mean of its tokens; a decoder looks back only and classifies its last token, or
    with ``predict="next"`` gives scores (length, vocab) of the word after each, its weights tied to the
    embedding's or not. Searched for the whole network: width, heads, how positions are told apart (learned or
    sinusoidal vectors that are added, rope: Su et al. 2021, alibi: Press et al. 2021), layer or rms
    normalisation (Zhang & Sennrich 2019), before or after each part, activation, dropout. In each block: what
    mixes tokens, attention, with `sharing` heads to one key and value (Ainslie et al. 2023), or a depthwise
    convolution, which only encoders have, for it looks both ways; how many times wider the MLP is, and
    whether it is gated (Shazeer 2020). With `recipe`, the training recipe is searched too.
    Raises ValueError or TypeError for shapes, sizes and words that can't be.

    >>> cb.spaces.transformer(input=(3, 32, 32), outputs=10, max_depth=6)
    >>> cb.spaces.transformer(input=(64,), outputs=256, vocab=256, kind="decoder", predict="next")
    """
    shape, size = bound(input, outputs)
    _check(shape, size, kind, predict, vocab)
    decoder = kind == "decoder"
    mixing = {"attention": _attend(decoder), **({} if decoder else {"convolution": _convolve})}
    for word in positions:
        if word not in _POSITIONS:
            raise unknown("position of transformer", word, _POSITIONS)
    for name in mixing if mixers is None else mixers:
        if name not in mixing:
            raise unknown(f"mixer of a transformer's {kind}", name, mixing)
    chosen = {name: mixing[name] for name in mixing if mixers is None or name in mixers}
    mix: dict[str, Any] = {"mixer": Choice(**chosen)}
    if "attention" in chosen:
        mix["sharing"] = Choice(*sharing, when={"mixer": "attention"})
    if "convolution" in chosen:
        mix["kernel"] = Choice(*kernels, when={"mixer": "convolution"})
    cut: dict[str, Any] = {}
    if shape and len(shape) == 3:
        cut["patch"] = Choice(*_patches(shape[1:], patches))
    mlp = Group(_mlp, ratio=Choice(*ratios), gated=Choice(False, True))
    genes: dict[str, Gene] = {"tied": Choice(True, False)} if predict == "next" else {}
    return Space(
        _network(decoder, predict == "next"),
        shape,
        outputs,
        width=Choice(*widths),
        heads=Choice(*heads),
        position=Choice(*positions),
        norm=Choice(*norms),
        place=Choice("pre", "post"),
        activation=Choice(*activations),
        dropout=Choice(*dropouts),
        embed=Group(
            _embed(tuple(shape or ()), vocab),
            **cut,
        ),
        blocks=Repeat(Group(_block, mix=Group(_mix, **mix), mlp=mlp), 1, max_depth),
        **genes,
        **(recipe_genes() if recipe else {}),
    )
