from __future__ import annotations

import numpy as np
import pytest
import torch
import torch.nn.functional as F  # noqa: N812
from torch import Tensor

import cambrian as cb
from cambrian.evaluate import Job, TrainNetwork, grouped
from cambrian.evaluate.augment import drawer, loss_of_batch
from cambrian.evaluate.outcome import perform
from cambrian.evaluate.train import resident

CPU = torch.device("cpu")


def images(*shape: int, names: tuple[str, ...]) -> cb.Task:
    pixels = np.random.default_rng(0).integers(1, 255, shape, dtype=np.uint8)
    return cb.Task(pixels, np.arange(shape[0]) % 2, augment=names)


def train_inputs(task: cb.Task) -> Tensor:
    return resident(task, "train", CPU)[0]


@pytest.mark.parametrize("names", [("shift",), ("flip",), ("shift", "flip")])
def test_shifts_and_flips_are_crops_of_the_originals(names: tuple[str, ...]) -> None:
    task = images(40, 2, 20, 18, names=names)
    inputs = train_inputs(task)
    index = torch.arange(len(inputs)).repeat(20)
    margin = 2 if "shift" in names else 0
    black = torch.from_numpy(task.black)
    seen = set()
    for number, image in zip(index.tolist(), drawer(inputs, task, 1.0, seed=0)(index), strict=True):
        padded = F.pad(inputs[number] - black, (margin,) * 4) + black
        options = {
            (dy, dx, flip): crop.flip(-1) if flip else crop
            for dy in range(2 * margin + 1)
            for dx in range(2 * margin + 1)
            for flip in (False, True)
            for crop in [padded[:, dy : dy + 20, dx : dx + 18]]
        }
        (match,) = [key for key, option in options.items() if torch.equal(option, image)]
        seen.add(match)
    assert len({key[:2] for key in seen}) == (25 if margin else 1)
    assert {key[2] for key in seen} == ({False, True} if "flip" in names else {False})


def test_strength_zero_and_vectors_are_plain_draws() -> None:
    index = torch.tensor([5, 3, 5])
    task = images(40, 1, 8, 8, names=("shift", "affine", "flip"))
    inputs = train_inputs(task)
    assert torch.equal(drawer(inputs, task, 0, seed=0)(index), inputs[index])
    vectors = cb.Task(np.random.default_rng(0).normal(size=(30, 3)), np.arange(30) % 2)
    rows = train_inputs(vectors)
    assert torch.equal(drawer(rows, vectors, 1.0, seed=0)(index), rows[index])


def test_affine_at_no_strength_is_the_image_and_follows_its_seed() -> None:
    task = images(40, 3, 9, 8, names=("affine",))
    inputs = train_inputs(task)
    index = torch.arange(len(inputs))
    assert torch.allclose(drawer(inputs, task, 1e-7, seed=0)(index), inputs, atol=1e-4)
    first, again, other = (drawer(inputs, task, 1.0, seed=seed)(index) for seed in (0, 0, 1))
    assert torch.equal(first, again)
    assert not torch.isclose(first, other).all(dim=(1, 2, 3)).any()
    assert not torch.isclose(first, inputs).all(dim=(1, 2, 3)).any()


def test_affine_moves_a_dot_no_further_than_it_says_and_keeps_black_black() -> None:
    pixels = np.zeros((40, 1, 33, 33), dtype=np.uint8)
    pixels[:, :, 15:18, 15:18] = 200
    task = cb.Task(pixels, np.arange(40) % 2, augment=["affine"])
    inputs, black = train_inputs(task), torch.from_numpy(task.black)
    bright = drawer(inputs, task, 1.0, seed=3)(torch.arange(len(inputs)).repeat(50)) - black
    assert torch.allclose(bright[:, :, [0, -1], :], torch.zeros(1), atol=1e-5)
    mass = bright.sum(dim=(1, 2, 3))
    row = (bright.sum(dim=(1, 3)) * torch.arange(33)).sum(1) / mass - 16
    column = (bright.sum(dim=(1, 2)) * torch.arange(33)).sum(1) / mass - 16
    # 0.0875 of 33 pixels is 2.9; turning and scaling about the centre moves a centred dot by little more.
    farthest = torch.stack([row, column]).abs().amax(dim=1)
    assert (farthest > 2.0).all()
    assert (farthest < 3.6).all()


def test_affine_turns_and_shears_oblong_images_as_it_does_square_ones() -> None:
    y, x = np.mgrid[-8:9, -28:29]
    for disc in (np.hypot(x, y) < 5, (np.hypot(x, y) < 5).T):
        pixels = np.repeat(np.where(disc, 200, 0).astype(np.uint8)[None, None], 40, axis=0)
        task = cb.Task(pixels, np.arange(40) % 2, augment=["affine"])
        inputs, black = train_inputs(task), torch.from_numpy(task.black)
        bright = (drawer(inputs, task, 1.0, seed=5)(torch.arange(len(inputs)).repeat(10)) - black)[:, 0]
        for image in bright.clamp(min=0).double().numpy():
            weight = image / image.sum()
            rows, columns = np.indices(image.shape)
            spread = np.cov(np.stack([rows.ravel(), columns.ravel()]), aweights=weight.ravel())
            small, large = np.linalg.eigvalsh(spread)
            # A shear by s stretches a disc to axes of (s + sqrt(4 + s**2)) / 2 and its inverse: 1.16 at 0.15.
            assert np.sqrt(large / small) < 1.22


def test_cutout_blackens_one_square_of_half_the_side() -> None:
    task = images(40, 2, 12, 8, names=("cutout",))
    inputs = train_inputs(task)
    index = torch.arange(len(inputs)).repeat(50)
    black = torch.from_numpy(task.black)
    areas = set()
    for number, image in zip(index.tolist(), drawer(inputs, task, 1.0, seed=0)(index), strict=True):
        cut = (image == black).all(0)
        assert torch.equal(image[:, ~cut], inputs[number][:, ~cut])
        rows, columns = cut.any(1).nonzero().flatten(), cut.any(0).nonzero().flatten()
        assert int(cut.sum()) == len(rows) * len(columns)  # a rectangle
        assert rows.tolist() == list(range(rows[0], rows[-1] + 1))
        areas.add((len(rows), len(columns)))
    assert max(areas) == (6, 4)
    assert min(areas)[0] <= 4  # some are cut by the border


def test_mixup_blends_pairs_and_their_losses() -> None:
    task = images(40, 1, 4, 4, names=("mixup",))
    inputs, targets = resident(task, "train", CPU)
    seen: list[Tensor] = []

    class Watch(torch.nn.Module):
        def forward(self, x: Tensor) -> Tensor:
            seen.append(x)
            return x.flatten(1)[:, :2]

    def summed(outputs: Tensor, y: Tensor) -> Tensor:
        return F.cross_entropy(outputs, y)

    loss = loss_of_batch(summed, task, 1.0, 3, CPU)(Watch(), inputs, targets)
    share = float(np.random.default_rng(3).beta(0.2, 0.2))
    other = torch.randperm(len(inputs), generator=torch.Generator().manual_seed(3))
    torch.testing.assert_close(seen[0], share * inputs + (1 - share) * inputs[other])
    outputs = seen[0].flatten(1)[:, :2]
    expected = share * summed(outputs, targets) + (1 - share) * summed(outputs, targets[other])
    torch.testing.assert_close(loss, expected)
    plain = loss_of_batch(summed, task, 0.0, 3, CPU)(Watch(), inputs, targets)
    torch.testing.assert_close(plain, summed(inputs.flatten(1)[:, :2], targets))


def test_candidates_with_mixup_train_eagerly_or_in_groups() -> None:
    task = images(60, 1, 8, 8, names=("mixup", "cutout", "shift"))
    space = cb.spaces.mlp((1, 8, 8), 2)
    job = Job(0, architecture=cb.Architecture.of(space, space.sample(1, seed=0)[0]))
    function = TrainNetwork(task, epochs=1, device="cpu", settings={"augment": 1.0})
    evaluation = perform(function, job)
    assert (evaluation.status, evaluation.mode) == ("ok", "eager")
    assert grouped.refuses(function, job) is None
