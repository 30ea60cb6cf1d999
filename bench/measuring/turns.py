"""Children that are timed in turn, so that every run of one artifact has a run of each other one near it in time."""

from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager

from pocketbert.bench.stats.runs import Run
from pocketbert.bench.workers.child import Child, ChildFailed
from pocketbert.bench.workers.file import File

WARM_UP = 5
Guard = Callable[[str], AbstractContextManager[None]]
"""The name of a child -> the block that records or renames its failure."""


def open_together(children: Mapping[str, Child], files: Mapping[str, File], guard: Guard) -> dict[str, Child]:
    """Import every child's runtime, then load its artifact; all children work at the same time.

    Returns:
        The children that did not fail.
    """

    def load(child: Child, file: File) -> None:
        child.finish()
        child.begin_load(file)

    steps: tuple[Callable[[Child, File], object], ...] = (
        lambda child, file: child.begin("imports", runtime=file.runtime),
        load,
        lambda child, _: child.finish(),
    )
    ready = dict(children)
    for step in steps:
        before, ready = ready, {}
        for name, child in before.items():
            with guard(name):
                step(child, files[name])
                ready[name] = child
    return ready


def verify(child: Child, sequences: Sequence[list[int]]) -> None:
    """Run one request, then check that the threads and cores of the profile are in force."""
    child.requests([*sequences[:1]])
    child.run(0)
    child.verify()


def order(names: Sequence[str], turn: int) -> list[str]:
    """Return the order of a turn: A B, B A of two; of more A B C, B C A, C A B, then the same backwards.

    Of more than two, none runs twice in a row: it would find its weights in the cache, and the others would not. Each
    has every place of a turn, and each neighbour, equally often.
    """
    count = len(names)
    if count < 3:
        return list(names) if turn % 2 == 0 else list(reversed(names))
    cycle, step = divmod(turn, count)
    if cycle % 2 == 0:
        return [*names[step:], *names[:step]]
    last = count - 1 - step
    return [names[(last - number) % count] for number in range(count)]


def time_in_turn(
    children: dict[str, Child],
    numbers: Sequence[int],
    done: Callable[[str], None] = lambda name: None,
    warm_up: int = WARM_UP,
) -> tuple[dict[str, list[Run]], dict[str, ChildFailed]]:
    """Run the requests of these numbers in every child in turn (`order`).

    A child that fails leaves the round; the others go on.

    Args:
        children: name -> the child, with the requests handed over.
        numbers: of the timed requests.
        done: called with the child's name after every request.
        warm_up: how many of the first requests are run once before, untimed.

    Returns:
        The runs of the children that did not fail, and the failures of those that did.
    """
    runs: dict[str, list[Run]] = {name: [] for name in children}
    failed: dict[str, ChildFailed] = {}
    for turn, number in enumerate([*numbers[:warm_up], *numbers]):
        for name in order(list(runs), turn):
            try:
                run = children[name].run(number)
            except ChildFailed as failure:
                failed[name] = failure
                del runs[name]
                continue
            done(name)
            if turn >= len(numbers[:warm_up]):
                runs[name].append(run)
    return runs, failed
