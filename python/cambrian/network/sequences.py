"""What networks on tokens compute beside torch's layers; `source` prints these functions as they stand."""

from __future__ import annotations

import torch
from torch import nn


def attention(q, k, v, heads, kv_heads, causal=False, rotation=None, bias=None):  # type: ignore[no-untyped-def]
    """Let tokens q (n, Tq, D) attend to k, v (n, Tk, ...) by heads (Vaswani et al. 2017).

    Several heads may share one of the kv_heads (Ainslie et al. 2023).
    """
    q = q.unflatten(2, (heads, -1)).transpose(1, 2)
    k = k.unflatten(2, (kv_heads, -1)).transpose(1, 2)
    v = v.unflatten(2, (kv_heads, -1)).transpose(1, 2)
    if rotation is not None:
        q, k = rotate(q, rotation), rotate(k, rotation)  # type: ignore[no-untyped-call]
    y = nn.functional.scaled_dot_product_attention(
        q, k, v, attn_mask=bias, is_causal=causal and bias is None, enable_gqa=kv_heads < heads
    )
    return y.transpose(1, 2).flatten(2)


def rotate(x, rotation):  # type: ignore[no-untyped-def]
    """Turn pairs of features (n, heads, T, d) by angles that grow with the position (Su et al. 2021)."""
    cos, sin = rotation[:, : x.shape[2]]
    first, second = x.chunk(2, 3)
    return x * cos + torch.cat((-second, first), 3) * sin


def rope(length, width):  # type: ignore[no-untyped-def]
    """Cosines and sines (2, length, width) for `rotate`."""
    frequencies = 10000.0 ** (-torch.arange(0, width, 2) / width)
    angles = torch.arange(length)[:, None] * frequencies.repeat(2)
    return torch.stack((angles.cos(), angles.sin()))


def alibi(heads, queries, keys, causal):  # type: ignore[no-untyped-def]
    """Penalties (1, heads, queries, keys) that grow with the distance (Press et al. 2021)."""
    slopes = 2.0 ** (-8.0 * torch.arange(1, heads + 1) / heads)
    distance = torch.arange(keys) - torch.arange(queries)[:, None]
    bias = -slopes[:, None, None] * distance.abs()
    return (bias.masked_fill(distance > 0, float("-inf")) if causal else bias)[None]


def sinusoids(length, width):  # type: ignore[no-untyped-def]
    """Sines and cosines (length, width) of the positions (Vaswani et al. 2017, section 3.5)."""
    pair = torch.arange(width) // 2
    angles = torch.arange(length)[:, None] * 10000.0 ** (-2 * pair / width)
    return torch.where(torch.arange(width) % 2 == 0, angles.sin(), angles.cos())
