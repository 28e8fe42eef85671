"""Accepting an asset: the use case, without HTTP. Bytes first, then facts: the facts never name what is not there."""

import hashlib
from datetime import datetime

from api.http.body import Upload
from shared.aws.dynamodb.asset_table import AssetTable
from shared.aws.s3.asset_store import AssetStore
from shared.errors import AssetNotFound, NotAnImage, TooManyBytes, UnsupportedImageType
from shared.pipeline.asset import ASSET_FORMATS, Asset
from shared.pipeline.image_header import read_image_header
from shared.pipeline.limits import Limits


def describe_asset(name: str, upload: Upload, *, max_bytes: int, limits: Limits, now: datetime) -> Asset:
    """Check an upload and return its facts.

    Raises TooManyBytes, UnsupportedImageType, NotAnImage, or what ``limits`` raise of its sides. The header decides:
    whether the pixels are whole shows when a job uses them.
    """
    size = len(upload.data)
    if size > max_bytes:
        raise TooManyBytes(f"The picture has {size:,} bytes; {max_bytes:,} are allowed for an asset.")
    if upload.image_format not in ASSET_FORMATS:
        names = ", ".join(each.name for each in ASSET_FORMATS)
        raise UnsupportedImageType(f"The content is {upload.image_format.name}; an asset is one of {names}.")
    header = read_image_header(upload.data)
    if header is None:
        raise NotAnImage("The picture's header can't be read.")
    limits.check_size((header.width, header.height))
    return Asset(
        name=name,
        digest=hashlib.sha256(upload.data).hexdigest(),
        size=size,
        format=upload.image_format.name,
        width=header.width,
        height=header.height,
        uploaded_at=now,
    )


def keep_asset(owner: str, asset: Asset, upload: Upload, images: AssetStore, table: AssetTable) -> bool:
    """Store bytes and facts; tell whether the name is new."""
    images.put(owner, asset.pin, upload.data, upload.image_format.media_type)
    return table.put(owner, asset)


def delete_asset(owner: str, name: str, images: AssetStore, table: AssetTable) -> None:
    """Delete facts and every content. Raises AssetNotFound when there is neither.

    The contents are listed before the facts go: what is uploaded meanwhile under the same name stays.
    """
    contents = images.list_contents(owner, name)
    if not table.delete(owner, name) and not contents:
        raise AssetNotFound
    images.delete(contents)
