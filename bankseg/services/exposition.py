"""The Prometheus text format, version 0.0.4: families of samples become lines (prometheus.io, "Exposition formats"; docs/adr/0032)."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"


@dataclass(frozen=True, slots=True)
class Sample:
    """One number with its labels; `suffix` is what a histogram's parts add to the family's name."""

    value: float
    labels: Mapping[str, str] = field(default_factory=dict)
    suffix: str = ""


@dataclass(frozen=True, slots=True)
class Family:
    """One metric: its name, kind (gauge, counter, histogram), meaning with its unit, and samples; without samples it says nothing."""

    name: str
    kind: str
    meaning: str
    samples: tuple[Sample, ...] = ()


def exposition(families: Iterable[Family]) -> str:
    r"""Write the families that have samples.

    Examples
    --------
    >>> print(exposition([Family("up", "gauge", "Whether", (Sample(1, {"who": 'a"b'}),))]), end="")
    # HELP up Whether
    # TYPE up gauge
    up{who="a\"b"} 1
    """
    return "".join(_written(family) for family in families if family.samples)


def _written(family: Family) -> str:
    head = f"# HELP {family.name} {family.meaning}\n# TYPE {family.name} {family.kind}\n"
    return head + "".join(f"{family.name}{sample.suffix}{_labels(sample.labels)} {_number(sample.value)}\n" for sample in family.samples)


def _labels(labels: Mapping[str, str]) -> str:
    return "{" + ",".join(f'{name}="{_escaped(value)}"' for name, value in labels.items()) + "}" if labels else ""


def _escaped(value: str) -> str:
    return value.replace("\\", r"\\").replace('"', r"\"").replace("\n", r"\n")


def _number(value: float) -> str:
    return str(int(value)) if float(value).is_integer() else repr(float(value))
