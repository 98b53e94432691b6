"""Where files can be had from; what gets them from there is in :mod:`hourglass.transfer`."""

from __future__ import annotations

from dataclasses import dataclass

DRIVE_URL = 'https://drive.google.com/uc?id={}'


class TransferError(Exception):
    """A source did not deliver; the text says why, without the source."""


@dataclass(frozen=True)
class Source:
    """One place that a file can be had from.

    Attributes:
        title: name of the place, for messages.
        kind: ``drive`` (Google Drive) or ``https``, a key of :data:`hourglass.transfer.TRANSFERS`.
        address: the file's id on Google Drive, or its URL.
    """

    title: str
    kind: str
    address: str

    @property
    def url(self) -> str:
        return DRIVE_URL.format(self.address) if self.kind == 'drive' else self.address


@dataclass(frozen=True)
class Limits:
    """What a transfer may take.

    Attributes:
        max_bytes: size of the file.
        connect_seconds: time to reach the server.
    """

    max_bytes: int
    connect_seconds: float
