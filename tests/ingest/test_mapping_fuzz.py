"""The mapping parser on anything: it reads, or refuses in our words; nothing else ever comes out."""

import tomllib
from contextlib import suppress
from pathlib import Path

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from bankseg.domain.errors import BanksegError
from bankseg.ingest.mapping import load_mapping
from tests.ingest.intake import MAPPING

LINES = MAPPING.splitlines()
WORDS = ["[[extract]]", "[extract.columns]", "[bank]", "table", "files", "=", '"', "'''", "{", "}", "expr", "constant", "codes", "true", "1979-05-27", "inf", "nan", "\x00", "\u202e",
         "../../etc", "*", "[" * 200, "9" * 400, "#", "\n", "client_id", "lag_days", "-1", "date_format", "%", "SELECT 1; DROP TABLE x", "read_csv('/etc/passwd')"]  # fmt: skip


@st.composite
def damaged(draw: st.DrawFn) -> str:
    """A true mapping with lines dropped, doubled, moved and words put in."""
    lines = list(LINES)
    for _ in range(draw(st.integers(1, 6))):
        place = draw(st.integers(0, len(lines) - 1))
        match draw(st.sampled_from(["drop", "double", "word", "value", "swap"])):
            case "drop" if len(lines) > 1:
                del lines[place]
            case "double":
                lines.insert(place, lines[place])
            case "swap":
                other = draw(st.integers(0, len(lines) - 1))
                lines[place], lines[other] = lines[other], lines[place]
            case "value":
                lines[place] = lines[place].partition("=")[0] + "= " + draw(st.sampled_from(WORDS))
            case _:
                lines.insert(place, draw(st.sampled_from(WORDS)))
    return "\n".join(lines)


def read_or_refused(path: Path, content: bytes) -> None:
    path.write_bytes(content)
    with suppress(BanksegError):
        load_mapping(path)


@settings(max_examples=300, deadline=None, derandomize=True, database=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(text=st.one_of(damaged(), st.text(max_size=200)))
def test_a_damaged_mapping_is_read_or_refused_in_words(tmp_path: Path, text: str) -> None:
    read_or_refused(tmp_path / "mapping.toml", text.encode("utf-8", errors="surrogatepass"))


@settings(max_examples=100, deadline=None, derandomize=True, database=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(content=st.binary(max_size=300))
def test_bytes_that_are_no_text_are_refused_in_words(tmp_path: Path, content: bytes) -> None:
    read_or_refused(tmp_path / "mapping.toml", content)


JSONS = st.recursive(
    st.none() | st.booleans() | st.integers(-(10**20), 10**20) | st.floats(allow_nan=False) | st.text(max_size=12) | st.dates(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=6,
)


@settings(max_examples=200, deadline=None, derandomize=True, database=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    value=JSONS,
    key=st.sampled_from(["table", "files", "columns", "delimiter", "quote", "encoding", "null", "recorded", "where", "label", "attributes", "format"]),
)
def test_any_value_under_any_key_is_read_or_refused_in_words(tmp_path: Path, value: object, key: str) -> None:
    line = f"{key} = {_toml(value)}"
    tomllib.loads(line)
    read_or_refused(
        tmp_path / "mapping.toml", MAPPING.replace('table = "transactions"\n', f'table = "transactions"\n{line}\n').encode("utf-8", errors="surrogatepass")
    )


def _toml(value: object) -> str:
    match value:
        case None:
            return '""'
        case bool():
            return str(value).lower()
        case list():
            return "[" + ", ".join(map(_toml, value)) + "]"
        case dict():
            return "{" + ", ".join(f"{_text(name)} = {_toml(inner)}" for name, inner in value.items()) + "}"
        case str():
            return _text(value)
        case _:
            return str(value)


def _text(value: str) -> str:
    return '"' + "".join(letter if letter.isalnum() and letter.isascii() else f"\\U{ord(letter):08x}" for letter in value) + '"'
