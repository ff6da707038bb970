"""The native core: arrays in, arrays out, explicit keys. Users reach it through the package's public names.

Genomes are C-contiguous ``(n, n_genes)`` arrays of ``uint8`` (``uint16`` where a gene has more than 256
options), in native byte order. Nothing is converted: a wrong dtype, shape or stride is a ``TypeError`` or
``ValueError`` that names the argument, what was expected and what came. ``threads=0`` uses every core;
results never depend on it.
"""

from typing import Any, TypedDict

import numpy as np
from numpy.typing import NDArray

Genomes = NDArray[np.uint8] | NDArray[np.uint16]

class Resources(TypedDict):
    """(n,) each, of one sample; the memories in bytes of float32 values at a batch size."""

    params: NDArray[np.int64]
    macs: NDArray[np.int64]  # of convolutions, linear layers and attention products
    flops: NDArray[np.int64]  # 2 a multiply-add, as torch.utils.flop_counter counts the forward pass
    elementwise: NDArray[np.int64]  # all other element operations; of these:
    normalisation: NDArray[np.int64]
    activation: NDArray[np.int64]
    pooling: NDArray[np.int64]
    memory: NDArray[np.int64]  # inference: most bytes alive at once, the input's included
    train_memory: NDArray[np.int64]  # what the forward pass keeps for the backward pass, weights left out
    kernels: NDArray[np.int64]  # operations that run
    depth: NDArray[np.int64]  # most layers of multiply-adds on one path

class _Modules(TypedDict, total=False):
    modules: Any  # what users' modules among the nodes are; put in by Space.graphs

class GraphArrays(_Modules):
    nodes: NDArray[np.int64]  # (n + 1,) offsets into the node arrays
    op: NDArray[np.uint8]  # (m,) codes of `operations()`
    attrs: NDArray[np.int64]  # (m, 6) in the order of `operations()`, unused ones 0
    shape: NDArray[np.int64]  # (m, 4) without the batch dimension, unused ones 0
    rank: NDArray[np.uint8]  # (m,)
    edges: NDArray[np.int64]  # (m + 1,) offsets into `inputs`
    inputs: NDArray[np.int32]  # (e,) node numbers counted from the graph's own first node
    repairs: list[list[tuple[str, int, int, int]]]
    """A list per genome: (rule, node, from, to), in the order in which they were made.

    stride, dilation, kernel, groups, heads, kv_heads, position: an attribute of the node (-1: it fell away).
    project: channels of an operand; pool, resize, mean: its height; the node is the inserted one. clamp:
    target of a reference
    (-1 is the last input of its repeat); the node is its column.
    """

class MissingModulesError(LookupError):  # args[0]: keys int32 (n, 11), as `Layout.with_modules` takes them
    args: tuple[NDArray[np.int32]]

class Layout:
    """A space compiled for the core; immutable."""
    def __init__(self, words: NDArray[np.int64]) -> None: ...
    def with_modules(self, keys: NDArray[np.int32], costs: NDArray[np.int64]) -> Layout: ...
    @property
    def words(self) -> NDArray[np.int64]: ...
    @property
    def n_genes(self) -> int: ...
    @property
    def dtype(self) -> np.dtype[Any]: ...
    @property
    def options(self) -> NDArray[np.int64]: ...
    @property
    def plain(self) -> bool: ...
    @property
    def recipe(self) -> NDArray[np.bool_]: ...
    @property
    def operations(self) -> NDArray[np.bool_]: ...

def operations() -> list[dict[str, Any]]:
    """One dict an operation, in code order: name, attrs (names), kinds (dict: attr -> list of words)."""

def build() -> dict[str, str]:
    """How this binary was compiled: compiler, flags, type."""

def simd() -> str: ...
def hardware_threads() -> int: ...

# Genomes
def check(layout: Layout, genomes: Genomes) -> None: ...
def sample(
    layout: Layout,
    n: int,
    *,
    seed: int,
    run: int = 0,
    generation: int = 0,
    threads: int = 1,
    out: Genomes | None = None,
) -> Genomes: ...
def active(layout: Layout, genomes: Genomes) -> NDArray[np.bool_]: ...
def normalise(layout: Layout, genomes: Genomes, *, out: Genomes | None = None) -> Genomes: ...
def slot_edits(layout: Layout, genome: Genomes) -> Genomes:
    """Of one row: those in which a slot is deleted, copied or exchanged with the next, in normal form."""

# Sets of genomes
def keys(layout: Layout, genomes: Genomes) -> NDArray[np.uint64]:
    """64-bit keys, never 0; equal for equal normal forms."""

def remember(table: NDArray[np.uint64], keys: NDArray[np.uint64]) -> NDArray[np.bool_]:
    """Add keys to a table, whose length is a power of two and free words are 0; which of them were new."""

def absent(table: NDArray[np.uint64], keys: NDArray[np.uint64]) -> NDArray[np.bool_]:
    """Which keys `remember` would call new."""

# Decoding
def hash(
    layout: Layout, genomes: Genomes, *, recipe: bool = False, threads: int = 1
) -> NDArray[np.uint64]: ...
def resources(layout: Layout, genomes: Genomes, *, batch: int = 1, threads: int = 1) -> Resources: ...
def decode(
    layout: Layout, genomes: Genomes, *, threads: int = 1, fragments: bool = True
) -> tuple[NDArray[np.uint64], NDArray[np.uint64], Resources]:
    """Graph hashes, hashes of graph + recipe, resources at batch 1: one expansion a genome for all three."""

def graphs(layout: Layout, genomes: Genomes, *, canonical: bool = True) -> GraphArrays: ...

# Latency. A table holds (n, 23) keys as `node_list` gives them, all different, (n,) picoseconds up to 10**14,
# and for each class of nodes e0 + e1 * multiply-adds + e2 * bytes + e3 * element operations, in picoseconds.
class Latency(TypedDict):
    """(n,) each."""

    picoseconds: NDArray[np.int64]  # of all nodes together
    estimated: NDArray[np.int64]  # the part of it that is in no table
    nodes: NDArray[np.int64]  # how many it is a sum of: all but the input

class NodeList(TypedDict):
    """The nodes of networks one after the other, inputs left out, in canonical order."""

    offsets: NDArray[np.int64]  # (n + 1,)
    keys: NDArray[np.int32]  # (m, 23) operation, inputs, attributes; rank and sides of output and two inputs
    work: NDArray[np.int64]  # (m, 4) of a sample: multiply-adds, element operations, values; parameters
    classes: NDArray[np.int32]  # (m,) below 16 * len(operations())

def latency(
    layout: Layout,
    genomes: Genomes,
    *,
    keys: NDArray[np.int32],
    picoseconds: NDArray[np.int64],
    estimates: NDArray[np.float64],
    batch: int = 1,
    threads: int = 1,
) -> Latency: ...
def node_list(layout: Layout, genomes: Genomes) -> NodeList: ...

# Selection and survival. `key`: (n,) float64, lower is better, NaN loses to everything.
def select(
    key: NDArray[np.float64],
    n: int,
    *,
    operator: tuple[Any, ...],
    seed: int,
    run: int = 0,
    generation: int = 0,
    threads: int = 1,
) -> NDArray[np.int64]: ...
def choices(
    weights: tuple[float, ...], place: int, n: int, *, seed: int, run: int = 0, generation: int = 0
) -> NDArray[np.uint8]:
    """Which member of a mixture each of n children gets; place -1: of crossovers, else of mutations."""

def nondominated_rank(cost: NDArray[np.float64], *, stop: int = 0) -> NDArray[np.int64]:
    """Rank 0 is the front; rows that hold NaN or infinity come last. Ends once `stop` rows have a rank."""

def crowding(cost: NDArray[np.float64], rank: NDArray[np.int64]) -> NDArray[np.float64]: ...
def selection_key(
    cost: NDArray[np.float64], violation: NDArray[np.float64] | None = None, *, stop: int = 0
) -> NDArray[np.float64]:
    """Place of each row (several objectives: by rank and crowding), feasible ones first; NaN if it failed."""

def best_rows(key: NDArray[np.float64], n: int) -> NDArray[np.int64]:
    """Rows of lowest key, best first, NaN last; of equal keys the earlier first."""

def associate(
    cost: NDArray[np.float64], rank: NDArray[np.int64], *, fronts: int, points: NDArray[np.float64]
) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    """Niche and distance of the rows of the first fronts; -1 and infinity for the others."""

def fill_niches(
    rank: NDArray[np.int64],
    niche: NDArray[np.int64],
    distance: NDArray[np.float64],
    *,
    niches: int,
    last: int,
    places: int,
    seed: int = 0,
    generation: int = 0,
) -> NDArray[np.int64]:
    """Rows of the front `last`, in the order in which they were chosen."""

def infinite_row(cost: NDArray[np.float64]) -> int: ...

# Diversity, over normal forms.
def gene_entropy(layout: Layout, genomes: Genomes, *, threads: int = 1) -> NDArray[np.float64]:
    """In bits, over the genomes in which the gene is active; 0 where there is none."""

def differing_pairs(layout: Layout, genomes: Genomes, *, threads: int = 1) -> NDArray[np.uint64]:
    """Per gene: in how many pairs of rows its values differ."""

def nearest_distance(
    layout: Layout, genomes: Genomes, others: Genomes | None = None, *, threads: int = 1
) -> NDArray[np.int64]: ...
def repeats(layout: Layout, genomes: Genomes, *, threads: int = 1) -> NDArray[np.bool_]:
    """Which rows repeat an earlier one."""

def repeated(hashes: NDArray[np.uint64]) -> NDArray[np.bool_]:
    """Which rows of hashes (n, 2) repeat an earlier one."""

# Variation. Operators arrive as (name, parameter, ...) tuples; `cambrian.evolve` describes them:
# ("tournament", size), ("varied_tournament", size, replace, p),
# ("double_tournament", size, parsimony, fitness_first, sizes), ("niche_tournament", niche),
# ("lexicase", cases, epsilon or None), ("linear_rank", pressure), ("exponential_rank", base),
# ("truncation_selection", share), ("roulette", floor), ("universal", floor), ("boltzmann", temperature);
# ("none",), ("one_point", rate, by), ("two_point", rate, by),
# ("uniform", rate, swap, by) with by "gene" or "slot"; ("reset", rate), ("step", rate, step)
# with rate None for one hit on average, ("point",), ("exact", k), ("at_least_one", rate),
# ("gaussian", sigma, rate), ("polynomial", eta, rate), ("heavy_tailed", beta),
# ("per_gene", rate of all or (rate, ...)), ("self_adaptive", gamma, low, high) with `rates`,
# ("structural", rate, insert, delete, duplicate, move, rewire),
# ("mixture", (operator, ...), (weight, ...)).
# Child i of `breed` is what `select` (winners 2i and 2i + 1, or i without a crossover), `crossover` and
# `mutate` give for row i. `rates` are the parents' own, `rates_out` the children's; `parents_out` is (n, 2).
def breed(
    layout: Layout,
    genomes: Genomes,
    key: NDArray[np.float64],
    n: int,
    *,
    selection: tuple[Any, ...],
    crossover: tuple[Any, ...],
    mutation: list[tuple[Any, ...]],
    seed: int,
    run: int = 0,
    generation: int = 0,
    threads: int = 1,
    out: Genomes | None = None,
    rates: NDArray[np.float64] | None = None,
    rates_out: NDArray[np.float64] | None = None,
    parents_out: NDArray[np.int64] | None = None,
) -> Genomes: ...
def crossover(
    layout: Layout,
    first: Genomes,
    second: Genomes,
    *,
    operator: tuple[Any, ...],
    seed: int,
    run: int = 0,
    generation: int = 0,
    threads: int = 1,
    out: Genomes | None = None,
) -> Genomes: ...
def mutate(
    layout: Layout,
    genomes: Genomes,
    *,
    operators: list[tuple[Any, ...]],
    seed: int,
    run: int = 0,
    generation: int = 0,
    threads: int = 1,
    out: Genomes | None = None,
    place: int = 0,
    rates: NDArray[np.float64] | None = None,
    rates_out: NDArray[np.float64] | None = None,
) -> Genomes: ...

# Training.
def keep(key: int, n: int, p_millionths: int) -> NDArray[np.bool_]:
    """Which of n values a dropout keeps: a function of the key and the place alone."""

def step_many(
    weights: NDArray[np.float32],
    gradient: NDArray[np.float32],
    first: NDArray[np.float32],
    second: NDArray[np.float32],
    stretches: NDArray[np.int64],
    adamw: NDArray[np.bool_],
    lr: NDArray[np.float32],
    decay: NDArray[np.float32],
    momentum: NDArray[np.float32],
    clip: float,
    step: int,
) -> None:
    """Clip and step many networks whose weights lie side by side, in place.

    `stretches` are rows (first, count, network, decays) of consecutive weights; the others have a number a
    network. `step` counts from 1.
    """

# (operation code, attributes, shape, inputs) of every node.
_Nodes = list[tuple[int, tuple[int, ...], tuple[int, ...], tuple[int, ...]]]

def train_refuses(nodes: _Nodes, batch: int) -> str:
    """Why no Trainer can be made of a graph for batches of so many samples; empty where one can."""

class Trainer:
    """Trains one network on the CPU. Not to be used by two threads at a time."""

    def __init__(
        self,
        nodes: _Nodes,
        batch: int,
        *,
        optimizer: str,
        classes: bool,
        weight_decay: float,
        momentum: float,
        label_smoothing: float,
        clip: float,
        ema: float,
        noise: int,
    ) -> None: ...
    @property
    def arrays(self) -> list[tuple[int, str, int]]:
        """Node, name as torch's layer has it (or "table"), and size of every array that makes the state."""
    @property
    def step(self) -> int:
        """How many steps were made."""
    @property
    def memory(self) -> int:
        """Bytes."""
    def load(self, arrays: list[NDArray[np.float32]]) -> None: ...
    def store(self, arrays: list[NDArray[np.float32]]) -> None:
        """Write the state into flat arrays in torch's order."""
    def state(self, name: str) -> list[NDArray[np.float32] | None]:
        """Copy what goes on with a training: "weights", "first" and "second" moments, "averages".

        An array for each of `arrays`, in torch's order; None where there is none of this kind. Also the
        "gradients" of the last step.
        """
    def restore(self, step: int, states: dict[str, list[NDArray[np.float32] | None]]) -> None:
        """Go on at a step from what `state` gave for each name; what never changes is to be loaded."""
    def run(
        self,
        inputs: NDArray[np.float32],
        targets: NDArray[Any],
        order: NDArray[np.int64],
        rates: NDArray[np.float64],
        seconds: float | None = None,
    ) -> NDArray[np.float64]:
        """Make a step for each row of `order` and return the losses of those made in `seconds`."""
    def finish(self) -> None:
        """Put the averaged weights, if there are any, in the place of the trained ones."""
    def evaluate(self, inputs: NDArray[np.float32]) -> NDArray[np.float32]: ...
