from __future__ import annotations

from hourglass.coco_format import image_id, image_ids

import pytest


@pytest.mark.parametrize(('name', 'expected'), [
    ('a/000000000785.jpg', 785), ('COCO_train2014_000000000009.jpg', 9), ('a/b/IMG_123.jpg', 'IMG_123.jpg'),
    ('12a.jpg', '12a.jpg'), ('1' * 30 + '.jpg', '1' * 30 + '.jpg'), (5, 5),
])
def test_image_ids(name: str | int, expected: int | str) -> None:
    assert image_id(name) == expected


def test_image_ids_differ() -> None:
    assert image_ids(['a/1.jpg', 'b/2.jpg', 'c/x.jpg']) == [1, 2, 'x.jpg']
    assert image_ids(['a/1.jpg', 'b/1.png', '2.jpg']) == ['a/1.jpg', 'b/1.png', 2]
    assert image_ids([]) == []
