"""The published data sets: where they come from, which files belong where, and what can be downloaded of them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from hourglass.errors import InputError


@dataclass(frozen=True)
class Archive:
    """A zip file of a data set.

    Attributes:
        name: its file name, also when it is put there by hand.
        urls: where it can be downloaded, tried in this order.
        size: in words.
        max_bytes: a larger file is refused.
        sha256: of the whole file; ``None`` if it is not known.
        members: regular expression of the members that are unpacked; its group is their path below ``folder``.
        folder: where they are unpacked, below the data root.
        count: how many of them there are.
        max_unpacked: bytes that they may have together.
        split: the split of the set that needs this archive; ``None`` if all do.
    """

    name: str
    urls: tuple[str, ...]
    size: str
    max_bytes: int = 0
    sha256: str | None = None
    members: str = ''
    folder: str = ''
    count: int = 0
    max_unpacked: int = 0
    split: str | None = None


@dataclass(frozen=True)
class PublishedSet:
    """A published data set.

    Attributes:
        title: its name for messages.
        page: its web page.
        archives: what it consists of, in the order of the download.
        files: examples of the files of a complete set, below the data root.
        splits: names of the splits that can be checked and downloaded alone.
        n_people: how many there are, where the annotations are one list.
        by_hand: why a program must not download the set; empty if it may.
    """

    title: str
    page: str
    archives: tuple[Archive, ...]
    files: tuple[str, ...]
    splits: tuple[str, ...] = ()
    n_people: int | None = None
    by_hand: str = ''

    def check_splits(self, splits: Sequence[str] | None) -> None:
        """Raise ``InputError`` if the set has no such splits."""
        if splits and (unknown := sorted(set(splits) - set(self.splits))):
            known = f'its splits are {", ".join(self.splits)}' if self.splits else 'it has none'
            raise InputError(f'{self.title} has no split {unknown[0]!r} to check or download alone; {known}')

    def instructions(self, root: Path) -> str:
        """Return a text that explains how to get the set and where to put it."""
        archives = (f'  {archive.urls[-1]} ({archive.size})' for archive in self.archives)
        how = f'Unpack in {root}' if self.by_hand else f'"python -m data fetch" unpacks them in {root}'
        return '\n'.join([
            f'{self.title} is described at {self.page} and consists of', *archives,
            f'{how}, so that these and so on are there:', *(f'  {root / file}' for file in self.files)])


def _coco_images(split: str, size: str, n_bytes: int, sha256: str, count: int) -> Archive:
    return Archive(f'{split}.zip', (f'http://images.cocodataset.org/zips/{split}.zip',), size, n_bytes, sha256,
                   rf'({split}/[0-9]{{12}}\.jpg)', 'images', count, 2 * n_bytes, split)


def _leeds(title: str, name: str, digits: int, count: int) -> PublishedSet:
    address = f'sam.johnson.io/research/{name}'
    # Everything may lie in a folder of the archive; pictures with the joints drawn in are left out.
    archive = Archive(
        f'{name}_dataset.zip', tuple(f'{scheme}://{address}_dataset.zip' for scheme in ('https', 'http')),
        f'{count:,} images', 10 ** 9, None,
        rf'(?:lsp(?:et)?_dataset/)?(images/im[0-9]{{{digits}}}\.jpg|joints\.mat)', '',
        count + 1, 2 * 10 ** 9)
    return PublishedSet(title, f'http://{address}.html', (archive,), ('joints.mat', f'images/im{1:0{digits}}.jpg'),
                        n_people=count)


#: The sets by the names of :data:`data.sets.DATASETS`.  COCO publishes no checksums: these are the SHA-256 that several
#: independent users of the files have written down.
PUBLISHED = {
    'coco': PublishedSet(
        'COCO', 'https://cocodataset.org/#download', (
            Archive('annotations_trainval2017.zip',
                    ('http://images.cocodataset.org/annotations/annotations_trainval2017.zip',), '241 MB', 252_907_541,
                    '113a836d90195ee1f884e704da6304dfaaecff1f023f49b6ca93c4aaae470268',
                    r'(annotations/person_keypoints_(?:train|val)2017\.json)', '', 2, 10 ** 9),
            _coco_images('val2017', '0.8 GB', 815_585_330,
                         '4f7e2ccb2866ec5041993c9cf2a952bbed69647b115d0f74da7ce8f4bef82f05', 5_000),
            _coco_images('train2017', '19 GB', 19_336_861_798,
                         '69a8bb58ea5f8f99d24875f21416de2e9ded3178e903f1f7603e283b9e06d929', 118_287)),
        ('annotations/person_keypoints_val2017.json', 'annotations/person_keypoints_train2017.json',
         'images/val2017/000000000139.jpg', 'images/train2017/000000000009.jpg'),
        splits=('train2017', 'val2017')),
    'lsp': _leeds('LSP', 'lsp', 4, 2_000),
    'lspet': _leeds('LSP Extended', 'lspet', 5, 10_000),
    'mpii': PublishedSet(
        'MPII', 'http://human-pose.mpi-inf.mpg.de/', tuple(
            Archive(name, (f'https://datasets.d2.mpi-inf.mpg.de/andriluka14cvpr/{name}',), size)
            for name, size in (('mpii_human_pose_v1.tar.gz', '12 GB'), ('mpii_human_pose_v1_u12_2.zip', '12 MB'))),
        ('annotations/mpii_human_pose_v1_u12_1.mat', 'images/015601864.jpg'),
        by_hand='its terms have to be accepted on its page'),
}
