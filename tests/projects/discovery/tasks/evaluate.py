from nemorun import parametrize as p
from nemorun import task as t

from tasks.train import train


@t(name="eval-all", after=train)
def evaluate(): ...


@t(after=[evaluate, "prepare"])
@p(["lr"], [(0.5,)])
def report(lr): ...
