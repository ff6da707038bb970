"""A space: what can be searched, compiled for the core."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from cambrian import _core
from cambrian.space import compile as compiling
from cambrian.space import configs, describe, size
from cambrian.space.calls import Programmer
from cambrian.space.changes import Change, changes
from cambrian.space.costs import Modules, loaded
from cambrian.space.decoded import Decoded
from cambrian.space.genes import MAX_OPTIONS, Choice
from cambrian.space.groups import Member, can_call, checked, has_template
from cambrian.space.places import MAX_COLUMNS, plant
from cambrian.space.program import Program
from cambrian.space.template import Template, as_template

if TYPE_CHECKING:
    from cambrian._core import Genomes, GraphArrays, Layout, Resources

T = TypeVar("T")
_TRIAL = 48  # genomes decoded when a space is made


class Space:
    """A tree of genes and what it means as a network.

    Members are genes, groups, Repeats and operations, by name. `template` is a function of the network's
    input; without one, the members that can be called are applied in order and a linear layer to the outputs
    ends it. `input` is the shape of one sample, (features,) or (channels, height, width), `outputs` the
    number of outputs; both can be given later by `bind`. A space with nothing to call is plain: its genomes
    have configs, no graphs.
    Raises ValueError or TypeError where members, conditions or templates can't work.

    >>> space = cb.Space(layers=cb.Int(1, 8), width=cb.Choice(32, 64, 128))
    >>> space.size
    24
    """

    def __init__(
        self,
        template: Callable[..., Any] | Template | None = None,
        input: Sequence[int] | None = None,
        outputs: int | None = None,
        **members: Member,
    ) -> None:
        if template is not None and (not callable(template) or isinstance(template, type)):
            raise TypeError(
                f"Space template= must be a function of a value; got {template!r}. Members are given by name"
            )
        recorded = None if template is None else as_template(template)
        self._make(checked("Space", members), recorded, None, input, outputs)

    @classmethod
    def plain(cls, genes: int = 64, choices: int | Sequence[int] = 8) -> Space:
        """Make the bare integer space of operator benchmarks: genes g0, g1, … with options 0, 1, ….

        `choices` is the number of options of every gene, or a sequence with one number a gene.

        >>> cb.Space.plain(genes=3, choices=[2, 3, 4]).size
        24
        """
        if not _positive(genes) or genes > MAX_COLUMNS:
            raise ValueError(f"genes= must be a positive integer, at most {MAX_COLUMNS:,}; got {genes!r}")
        counts = list(choices) if isinstance(choices, Iterable) else [choices] * genes
        if len(counts) != genes:
            raise ValueError(
                f"choices= must be one number, or one for each of the {genes} genes; got {len(counts)}"
            )
        for count in counts:
            if not _positive(count) or count > MAX_OPTIONS:
                raise ValueError(
                    f"choices= must be positive integers, at most {MAX_OPTIONS:,}; got {count!r}"
                )
        shared = {count: Choice(*range(count)) for count in set(counts)}
        members: dict[str, Any] = {f"g{i}": shared[count] for i, count in enumerate(counts)}
        return cls(**members)

    @classmethod
    def recorded(
        cls,
        members: Mapping[str, Member],
        program: Program | None,
        input: Sequence[int] | None,
        outputs: int | None,
    ) -> Space:
        """Make a space whose templates are recorded already (read from a file)."""
        space = cls.__new__(cls)
        space._make(checked("Space", members), None, program, input, outputs)
        return space

    def _make(
        self,
        members: Mapping[str, Member],
        template: Template | None,
        program: Program | None,
        input: Sequence[int] | None,
        outputs: int | None,
    ) -> None:
        self.members, self.template = members, template
        self.input, self.outputs = bound(input, outputs)
        self.root = plant(members)
        if self.root.width == 0:
            raise ValueError(
                "the space has no genes; give it some by name: cb.Space(width=cb.Choice(16, 32))"
            )
        self.columns = compiling.expand(self.root)
        explicit = template is not None or any(has_template(member) for member in members.values())
        callable_ = explicit or any(can_call(member) for member in members.values())
        if program is None and callable_ and (explicit or self.input is not None):
            program = Programmer().record(self.root, template)
        self.program = program if program is not None and program.procedures else None
        self._modules = Modules(self.program.modules if self.program else {})
        self._callable = callable_ or self.program is not None
        if self.input is not None and not self._callable:
            raise ValueError(
                "the space has an input but nothing that makes a network of it: no template and no member "
                "that can be called; leave input= and outputs= out, or give it a template"
            )
        if not self.layout.plain:
            self._try()

    def bind(self, input: Sequence[int], outputs: int) -> Space:
        """Return this space for an input's shape and a number of outputs.

        Raises ValueError where it has no templates.

        >>> cb.spaces.convnet().bind((3, 32, 32), 100)
        """
        space = type(self).__new__(type(self))
        space._make(self.members, self.template, self.program, input, outputs)
        return space

    def __deepcopy__(self, memo: object) -> Space:
        return self  # nothing in it changes

    def _try(self) -> None:
        """Decode a few genomes, so that templates that can't work are refused here."""
        genomes = self.sample(_TRIAL, seed=0)
        try:
            self.counted(lambda layout: _core.decode(layout, genomes))
            arrays = self.graphs(genomes)
            self._modules.check(arrays)
            self._check_ends(arrays)
        except (ValueError, OverflowError) as error:
            raise ValueError(
                f"the templates don't give a network for every genome on the input {self.input}: {error}"
            ) from None

    def _check_ends(self, arrays: GraphArrays) -> None:
        """Raise ValueError where a network ends in anything but the outputs (or outputs a token)."""
        last = arrays["nodes"][1:] - 1
        rank = arrays["rank"][last]
        for node in last[(rank == 3) | (arrays["shape"][last, rank - 1] != self.outputs)].tolist():
            shape = tuple(arrays["shape"][node][: arrays["rank"][node]].tolist())
            raise ValueError(
                f"a network ends in shape {shape}, not in outputs={self.outputs}; let the space's template "
                "take `outputs` and return cb.nn.linear(y, outputs)"
            )

    @cached_property
    def layout(self) -> Layout:
        """The space as the core reads it."""
        return _core.Layout(compiling.words(self.columns, self.program, self.input, self.outputs))

    @property
    def has_templates(self) -> bool:
        """Whether genomes mean networks (once the space is bound to an input)."""
        return self._callable

    @property
    def n_genes(self) -> int:
        """Length of a genome."""
        return len(self.columns.columns)

    @property
    def dtype(self) -> np.dtype[Any]:
        """Type of a genome's numbers: uint8, or uint16 where a gene has more than 256 options."""
        return self.layout.dtype

    @cached_property
    def paths(self) -> tuple[str, ...]:
        """Name of every column of a genome, as ``layers[3].kernel``; a Repeat's own name is its length."""
        return tuple(column.path for column in self.columns.columns)

    @cached_property
    def size(self) -> int:
        """Number of distinct configs, exactly."""
        return size.count(self.root)

    @property
    def log10_size(self) -> float:
        """Decimal logarithm of `size`."""
        return math.log10(self.size)

    def sample(
        self, n: int, seed: int = 0, *, run: int = 0, generation: int = 0, threads: int = 1,
        out: Genomes | None = None,
    ) -> Genomes:  # fmt: skip
        """Draw genomes (n, n_genes), each option of each gene equally likely, inactive genes too.

        The same for any number of threads; seed 0 … 2**64 - 1, run and generation 0 … 2**32 - 1.

        >>> genomes = space.sample(10_000, seed=0)
        """
        return _core.sample(
            self.layout, n, seed=seed, run=run, generation=generation, threads=threads, out=out
        )

    def decode(self, genomes: Genomes, *, threads: int = 1) -> Any:
        """Say what genomes mean: (n, n_genes) gives `Decoded` (a sequence of configs), (n_genes,) one config.

        Raises TypeError for another dtype, ValueError for another shape, stride or values out of range.

        >>> decoded = space.decode(genomes); decoded[0], decoded.hashes, decoded.resources["params"]
        """
        if isinstance(genomes, np.ndarray) and genomes.ndim == 1:
            rows: Any = genomes[np.newaxis, :]
            _core.check(self.layout, rows)
            return Decoded(self, rows, threads)[0]
        _core.check(self.layout, genomes)
        return Decoded(self, genomes, threads)

    def encode(self, config: Mapping[str, Any] | Sequence[Mapping[str, Any]]) -> NDArray[Any]:
        """Return the genome of a config (n_genes,), or the genomes of several (n, n_genes), in normal form.

        Int and Float take the nearest level. Values given for inactive genes are checked and left out.
        Raises ValueError or TypeError with the path of what is unknown, missing or no option.

        >>> genome = space.encode({"layers": 3, "width": 64})
        """
        many, single = configs.as_list(config)
        genomes: NDArray[Any] = np.zeros((len(many), self.n_genes), dtype=self.dtype)
        for row, one in enumerate(many):
            try:
                genomes[row] = configs.write(self.root, self.layout, one)
            except (ValueError, TypeError) as error:
                raise type(error)(str(error) if single else f"config {row}: {error}") from None
        return genomes[0] if single else genomes

    def hash(self, genomes: Genomes, *, recipe: bool = False, threads: int = 1) -> NDArray[np.uint64]:
        """Return 128-bit hashes (n, 2): of canonical graphs, with `recipe` of graph and training recipe.

        >>> different = len(np.unique(space.hash(genomes), axis=0))
        """
        return _core.hash(self.layout, genomes, recipe=recipe, threads=threads)

    def unique(self, genomes: Genomes, *, recipe: bool = False, threads: int = 1) -> NDArray[np.intp]:
        """Return the rows (k,) that come first among those that mean the same network, in order.

        With `recipe`: the same network and training recipe. Told apart by `hash`.

        >>> different = genomes[space.unique(genomes)]
        """
        repeated = _core.repeated(self.hash(genomes, recipe=recipe, threads=threads))
        return np.flatnonzero(~repeated)

    def resources(self, genomes: Genomes, *, batch: int = 1, threads: int = 1) -> Resources:
        """Count what networks cost, without building them: int64 (n,) each.

        Of one sample: `params`; `macs`, multiply-adds of convolutions, linear layers and attention products;
        `flops`, as torch's counter gives them (2 a multiply-add); `elementwise`, all other operations, and of
        these `normalisation`, `activation` and `pooling`; `kernels`, operations that run; `depth`, most
        layers of multiply-adds on one path. In bytes at a batch of `batch` samples, float32, weights left
        out: `memory`, most values alive at once at inference, the input's included; `train_memory`, what
        the forward pass keeps for the backward pass (as torch does on a CPU); with 4 bytes a parameter for
        the gradients it is within a factor of two of the peak of a training step. All but `memory` equal
        what is counted on the built network; that leaves out what an operation needs for itself while it
        runs, and is within a factor of two (three with exits and gates). What a user's module keeps inside
        itself is not counted in either.
        Raises ValueError where the space has no templates or is not bound to an input.

        >>> small = genomes[space.resources(genomes)["params"] < 10_000]
        """
        self.require_graphs("resources")
        return self.counted(lambda layout: _core.resources(layout, genomes, batch=batch, threads=threads))

    def graphs(self, genomes: Genomes, *, canonical: bool = True) -> GraphArrays:
        """Return networks as arrays (`_core.GraphArrays`): canonical, or as expanded with all repairs."""
        self.require_graphs("graphs")
        arrays = _core.graphs(self.layout, genomes, canonical=canonical)
        if self._modules.specs:
            arrays["modules"] = self._modules
        return arrays

    def counted(self, count: Callable[[Layout], T]) -> T:
        """Return what `count` makes of the layout, once the costs of all modules that it meets are known."""
        self.layout, result = self._modules.counted(self.layout, count)
        return result

    @property
    def modules(self) -> dict[str, type]:
        """Classes of the users' modules among the operations by their paths, where they are loaded."""
        found = {spec.path: spec.cls or loaded(spec.path) for spec in self._modules.specs.values()}
        return {path: cls for path, cls in found.items() if cls is not None}

    def explain(self, genome: NDArray[Any]) -> str:
        """Say what one genome (n_genes,) means: config, repairs, and the network it comes to.

        >>> print(space.explain(genomes[0]))
        """
        return describe.explain(self, genome)

    def changes(self, before: NDArray[Any], after: NDArray[Any]) -> list[Change]:
        """List the genes that two genomes (n_genes,) differ in: path, option before, option after.

        Genes that are inactive in both are left out. `cb.difference` says what became of the network.
        Raises ValueError or TypeError for genomes that are not of this space.

        >>> [str(change) for change in space.changes(parent, child)]
        ['layers[3].kernel: 3 → 5']
        """
        return changes(self, before, after)

    def meaning(self, column: int, value: int) -> Any:
        """Return what a value of a genome's column stands for: an option, or a number of slots."""
        place = self.columns.columns[column].place
        return place.repeat.min + value if place.repeat else place.gene.options[value]

    def require_graphs(self, what: str) -> None:
        """Raise ValueError where genomes have no networks."""
        if self.layout.plain:
            raise ValueError(
                f"{what} need a space bound to an input: space.bind(input=(1, 8, 8), outputs=10)"
                if self.has_templates
                else f"{what} need templates; the genes of this space only have a config"
            )

    def to_dict(self) -> dict[str, Any]:
        """Return the space, recorded templates included, as JSON-able data."""
        from cambrian.space import serial

        return serial.to_dict(self)

    @staticmethod
    def from_dict(data: Mapping[str, Any]) -> Space:
        """Make a space of what `to_dict` returned. Raises ValueError naming what is wrong."""
        from cambrian.space import serial

        return serial.from_dict(data)

    def save(self, path: str | Path) -> None:
        """Write the space to a .json or .toml file.

        >>> space.save("space.toml"); space = cb.Space.load("space.toml")
        """
        from cambrian.space import files

        files.save(self, Path(path))

    @staticmethod
    def load(path: str | Path) -> Space:
        """Read a space from a .json or .toml file. Raises ValueError naming what is wrong."""
        from cambrian.space import files

        return files.load(Path(path))

    def __str__(self) -> str:
        return describe.tree(self)

    def __repr__(self) -> str:
        return f"Space({', '.join(self.members)}: {self.n_genes} genes)"


def bound(input: Sequence[int] | None, outputs: int | None) -> tuple[tuple[int, ...] | None, int | None]:
    """Check an input's shape and a number of outputs: both, or neither. Raises TypeError or ValueError."""
    if (input is None) != (outputs is None):
        raise ValueError("input= and outputs= belong together: give both, or neither and bind() later")
    if input is None or outputs is None:
        return None, None
    if isinstance(input, str | int) or not isinstance(input, Iterable):
        raise TypeError(f"input= must be a shape, such as (64,) or (1, 8, 8); got {input!r}")
    shape = tuple(input)
    if len(shape) not in (1, 2, 3) or not all(_positive(side) for side in shape):
        raise ValueError(
            f"input= is (features,), (length, features) or (channels, height, width) in positive integers; "
            f"got {shape}"
        )
    if not _positive(outputs):
        raise ValueError(f"outputs= must be a positive integer; got {outputs!r}")
    return tuple(int(side) for side in shape), int(outputs)


def _positive(value: object) -> bool:
    return isinstance(value, int | np.integer) and not isinstance(value, bool) and bool(0 < value < 2**31)
