"""The replies of a log, summed up by arm and by blocks of time."""

from typing import NamedTuple, Self

import numpy as np
from numpy.typing import NDArray

from replyloop_assets.learning.belief.settings import Totals
from replyloop_assets.learning.comparison import Floats

BLOCKS = 60  # of the log, in order: within each the decisions count alike
FEW, SCATTER = 20.0, 5.0  # replies that the relative variance of one is known by beforehand, and what it is


class Replies(NamedTuple):
    """What each decision of a log offered and chose, in order; any leading axes.

    `block` says which part of the log a reply lies in, `place` numbers its arm among all arms of all logs.
    """

    offered: Floats  # (..., replies, arms)
    chosen: NDArray[np.intp]  # (..., replies)
    block: NDArray[np.intp]  # (replies,)
    blocks: int
    place: NDArray[np.intp]  # (..., replies)

    @classmethod
    def of(cls, offered: Floats, chosen: NDArray[np.intp]) -> Self:
        """The replies of logs side by side."""
        *lead, replies, arms = offered.shape
        blocks = min(BLOCKS, replies)
        logs = np.arange(int(np.prod(lead))).reshape(lead)
        return cls(
            offered, chosen, np.arange(replies) * blocks // replies, blocks, logs[..., None] * arms + chosen
        )

    def by_arm(self, values: Floats) -> Floats:
        """Sums of the replies' values, shape (..., arms)."""
        shape = (*self.offered.shape[:-2], self.offered.shape[-1])
        return np.bincount(self.place.ravel(), values.ravel(), int(np.prod(shape))).reshape(shape)

    def by_block(self, values: Floats) -> Floats:
        """Sums of the replies' values, shape (..., arms, blocks)."""
        shape = (*self.offered.shape[:-2], self.offered.shape[-1], self.blocks)
        cell = self.place * self.blocks + self.block
        return np.bincount(cell.ravel(), values.ravel(), int(np.prod(shape))).reshape(shape)

    def totals(self, y: Floats, among: Floats | None = None) -> Totals:
        """What the belief goes by, of all replies or of those `among`, 1 or 0 of shape (replies,)."""
        one = np.broadcast_to(1.0 if among is None else among, y.shape)
        log = np.log(np.maximum(y, 1))
        parts = (one, (y > 0) * one, log * one, log**2 * one, y * one, y**2 * one)
        return Totals(*(self.by_arm(part) for part in parts))

    def at_chosen(self, of_arms: Floats) -> Floats:
        """The entry of the chosen arm, (..., replies); `of_arms` has shape (..., replies or 1, arms)."""
        whole = np.broadcast_to(of_arms, np.broadcast_shapes(of_arms.shape, self.offered.shape))
        at = np.broadcast_to(self.chosen, whole.shape[:-1])
        return np.asarray(np.take_along_axis(whole, at[..., None], -1)[..., 0])


def relative_variance(totals: Totals) -> Floats:
    """The variance of what a reply brings over its arm's squared mean, shape (...): the arms' common one."""
    mean = totals.sum_y / np.maximum(totals.n, 1)
    typical = mean.mean(-1) ** 2 + 1e-12
    squares = np.maximum(totals.sum_y2 - totals.n * mean**2, 0).sum(-1)
    return np.asarray((squares + FEW * SCATTER * typical) / ((totals.n * mean**2).sum(-1) + FEW * typical))
