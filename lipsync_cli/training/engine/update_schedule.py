"""In which step which network is updated."""

from __future__ import annotations

from collections.abc import Mapping


class UpdateSchedule:
    """The updates of a generator and of any number of discriminators, decided by the number of the step alone.

    The discriminator with the highest `n_critic` is updated in every step, the generator in every so-manieth; the
    updates of the others are spread evenly between two of the generator. In a step the discriminators come first.

    Parameters
    ----------
    n_critic : of each discriminator, its updates per update of the generator, by name

    Attributes
    ----------
    cycle : steps per update of the generator

    Raises
    ------
    ValueError : a discriminator that is never updated
    """

    def __init__(self, n_critic: Mapping[str, int]) -> None:
        for name, count in n_critic.items():
            if count < 1:
                raise ValueError(f"the discriminator {name} has {count} updates per update of the generator")
        self._n_critic = dict(n_critic)
        self.cycle = max(n_critic.values(), default=1)

    def has_generator(self, step: int) -> bool:
        """Say whether the generator is updated in a step (counted from 0)."""
        return (step + 1) % self.cycle == 0

    def has_discriminator(self, name: str, step: int) -> bool:
        """Say whether a discriminator is updated in a step (counted from 0)."""
        place, count = step % self.cycle, self._n_critic[name]
        return (place + 1) * count // self.cycle > place * count // self.cycle

    def discriminators(self, step: int) -> list[str]:
        """Give the names of the discriminators that are updated in a step, in their order."""
        return [name for name in self._n_critic if self.has_discriminator(name, step)]

    def is_last(self, name: str | None, step: int, every: int) -> bool:
        """Say whether a network's update in a step is its last before a number of steps that `every` divides.

        Parameters
        ----------
        name : of a discriminator, None for the generator
        """
        later = range(step + 1, (step // every + 1) * every)
        if name is None:
            return not any(self.has_generator(one) for one in later)
        return not any(self.has_discriminator(name, one) for one in later)


def passes(before: int, after: int, every: int) -> bool:
    """Say whether a multiple of a number of samples lies after one moment, and not after the other."""
    return every > 0 and before // every != after // every
