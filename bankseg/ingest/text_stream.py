"""A delimited file as UTF-8 bytes: unpacked within limits, transcoded, its suspicious bytes noticed."""

import codecs
import gzip
import io
import re
import zlib
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

import numpy as np

from bankseg.domain.errors import InputError

if TYPE_CHECKING:
    from _typeshed import WriteableBuffer

# A gzip that unpacks to more than this many times its size is a bomb; text extracts reach 5 to 20.
MOST_GZIP_RATIO = 100
RATIO_CHECKED_FROM_BYTES = 16 << 20
GZIP_MAGIC = b"\x1f\x8b"
BLANKS = re.compile(rb"[ \t]+")
# Below this code only tab, line feed and carriage return are ordinary.
FIRST_PRINTABLE = 32
ORDINARY = (10, 13, 9)
# First UTF-8 bytes of the bidirectional overrides and zero-width characters (U+200x, U+202x, U+206x, U+061C, U+FEFF).
BIDI_PREFIXES = (b"\xe2\x80", b"\xe2\x81", b"\xd8\x9c", b"\xef\xbb\xbf")
# In UTF-8 the second C of controls, U+0080 to U+009F, is this byte followed by one below NO_BREAK_SPACE.
C1_FIRST, NO_BREAK_SPACE = 0xC2, 0xA0


class TextStream(io.RawIOBase):
    """Readable stream for the CSV parser.

    `is_suspicious` becomes true once a control or bidirectional character may have been seen; only then are rows searched for them.
    `has_blanks` becomes true once a blank was seen; only then may a value need trimming.
    `is_ascii` becomes false once a character beyond ASCII was seen; only then may a text need normalising.
    """

    def __init__(self, path: Path, encoding: str, *, collapse_blanks: bool) -> None:
        super().__init__()
        self.path = path
        self.is_suspicious = False
        self.has_blanks = False
        self.is_ascii = True
        self._file = path.open("rb")
        self._packed_bytes = path.stat().st_size
        self._bytes: BinaryIO | gzip.GzipFile = self._file
        if self._file.read(2) == GZIP_MAGIC:
            self._bytes = gzip.GzipFile(fileobj=self._file)
        self._file.seek(0)
        self._is_packed = self._bytes is not self._file
        self._unpacked_bytes = 0
        self._decoder = None if encoding in {"utf-8", "ascii", "utf-8-sig"} else codecs.getincrementaldecoder(encoding)("strict")
        self._encoding = encoding
        self._collapse_blanks = collapse_blanks
        self._rest = b""
        self._line = b""
        self._tail = b""
        self._ended = False
        self._offset = 0

    def readable(self) -> bool:
        """It is."""
        return True

    def tell(self) -> int:
        """Bytes handed out so far."""
        return self._offset

    def close(self) -> None:
        """Close the file too."""
        self._file.close()
        super().close()

    def readinto(self, target: "WriteableBuffer") -> int:
        """Fill the buffer."""
        view = memoryview(target).cast("B")
        chunk = self.read(len(view))
        view[: len(chunk)] = chunk
        return len(chunk)

    def read(self, size: int = -1) -> bytes:
        """Up to `size` bytes; all when negative; empty only at the end of the file."""
        if size < 0:
            return b"".join(iter(lambda: self.read(1 << 20), b""))
        while not self._rest and not self._ended:
            self._rest = self._next_block(size)
        chunk, self._rest = self._rest[:size], self._rest[size:]
        self._offset += len(chunk)
        return chunk

    def _next_block(self, size: int) -> bytes:
        block = self._unpacked(size)
        self._ended = not block
        if self._decoder is not None:
            block = self._decoded(block, self._decoder)
        if self._collapse_blanks:
            block = self._collapsed(block)
        self.has_blanks = self.has_blanks or b" " in block
        is_ascii = block.isascii()
        self.is_ascii = self.is_ascii and is_ascii
        if not self.is_suspicious:
            # A character of several bytes may begin in the block before.
            self.is_suspicious = has_control(block) or (not is_ascii and has_bidirectional(self._tail + block))
        self._tail = block[-2:]
        return block

    def _unpacked(self, size: int) -> bytes:
        try:
            block = self._bytes.read(size)
        except (EOFError, OSError, zlib.error) as error:
            raise InputError(f"{self.path.name} is a damaged or truncated gzip file: {error}", "a complete file", "have it sent again") from error
        self._unpacked_bytes += len(block)
        if self._is_packed and self._unpacked_bytes > max(RATIO_CHECKED_FROM_BYTES, MOST_GZIP_RATIO * self._packed_bytes):
            raise InputError(
                f"{self.path.name} unpacks to more than {MOST_GZIP_RATIO} times its size",
                "an ordinary gzip file",
                "unpack it yourself, look at it, and load the plain file",
            )
        return block

    def _decoded(self, block: bytes, decoder: codecs.IncrementalDecoder) -> bytes:
        try:
            return decoder.decode(block, final=self._ended).removeprefix("\ufeff").encode("utf-8")
        except UnicodeDecodeError as error:
            raise InputError(
                f"{self.path.name} is not {self._encoding}: {error.reason} near byte {self._offset + error.start}",
                f"text in {self._encoding}",
                "set `encoding` of this extract in the mapping to the one the file is written in",
            ) from error

    def _collapsed(self, block: bytes) -> bytes:
        """Whole lines with runs of blanks made one and the ends stripped."""
        lines = (self._line + block).split(b"\n")
        self._line = b"" if self._ended else lines.pop()
        text = b"\n".join(BLANKS.sub(b" ", line.strip()) for line in lines)
        return text + b"\n" if text else b""


def has_control(block: bytes) -> bool:
    """Whether the bytes hold a control character other than tab and line ends, at gigabytes a second."""
    codes = np.frombuffer(block, dtype=np.uint8)
    unexplained = np.count_nonzero(codes < FIRST_PRINTABLE)
    for ordinary in ORDINARY:
        if not unexplained:
            return False
        unexplained -= np.count_nonzero(codes == ordinary)
    return bool(unexplained)


def has_bidirectional(block: bytes) -> bool:
    """Whether UTF-8 bytes may hold a bidirectional or zero-width character, or a control character beyond ASCII."""
    if any(prefix in block for prefix in BIDI_PREFIXES):
        return True
    codes = np.frombuffer(block, dtype=np.uint8)
    return bool(np.any((codes[:-1] == C1_FIRST) & (codes[1:] < NO_BREAK_SPACE)))
