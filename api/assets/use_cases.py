"""Assets: check, store, delete.

The image is stored before its record in the table. A deletion and a request that stores the same image at the same time
both look at the end whether the record and the image are there, so a record never refers to a missing image.
"""

import hashlib
from contextlib import suppress
from dataclasses import dataclass
from typing import Self

from api.dependencies import Dependencies
from api.http.body import Upload
from shared.aws.dynamodb.asset_table import AssetTable
from shared.aws.s3.asset_store import AssetStore
from shared.clock import Clock
from shared.errors import AssetNotFound, NotAnImage, TooManyBytes, UnsupportedImageType
from shared.jobs import object_keys
from shared.names import is_name
from shared.pipeline.asset import ASSET_FORMATS, Asset
from shared.pipeline.image_header import read_image_header
from shared.pipeline.limits import Limits


@dataclass(frozen=True, slots=True, kw_only=True)
class Assets:
    """Stores and deletes assets."""

    table: AssetTable
    images: AssetStore
    #: Maximum size of an asset in bytes.
    max_bytes: int
    limits: Limits
    clock: Clock

    @classmethod
    def of(cls, dependencies: Dependencies) -> Self:
        """Return the use case with the API's dependencies."""
        return cls(
            table=dependencies.assets,
            images=dependencies.asset_images,
            max_bytes=dependencies.settings.max_asset_bytes,
            limits=dependencies.limits,
            clock=dependencies.clock,
        )

    def get(self, name: str, owner: str) -> Asset:
        """Return the record of one of the owner's assets. Raises AssetNotFound if there is none with this name."""
        if not is_name(name):
            raise AssetNotFound
        return self.table.get(owner, name)

    def put(self, name: str, owner: str, upload: Upload) -> tuple[Asset, bool]:
        """Check and store an asset. Return its record, and True if the owner had no asset with this name.

        Raises TooManyBytes, UnsupportedImageType, NotAnImage, TooManyPixels or SideTooLong if the image is not allowed.
        """
        asset, media_type = self._check(name, upload), upload.image_format.media_type
        self.images.put(owner, asset.pin, upload.data, media_type)
        is_new = self.table.put(owner, asset)
        if not self._has_content(owner, asset):
            # A deletion has listed and deleted the content before the record was written.
            self.images.put(owner, asset.pin, upload.data, media_type)
        return asset, is_new

    def delete(self, name: str, owner: str) -> None:
        """Delete the record and all contents of an asset. Raises AssetNotFound if there is neither record nor content.

        The contents are listed before the record is deleted, so another image that is stored concurrently is not
        deleted. If the same image is stored concurrently, its content may be deleted after its record was written. Then
        the record is deleted too, as if the image had been stored before the deletion.
        """
        if not is_name(name):
            raise AssetNotFound
        contents = self.images.list_contents(owner, name)
        if not self.table.delete(owner, name) and not contents:
            raise AssetNotFound
        self.images.delete(contents)
        with suppress(AssetNotFound):
            stored = self.table.get(owner, name)
            if not self._has_content(owner, stored):
                self.table.delete_unchanged(owner, stored)

    def _has_content(self, owner: str, asset: Asset) -> bool:
        return object_keys.asset_key(owner, asset.name, asset.digest) in self.images.list_contents(owner, asset.name)

    def _check(self, name: str, upload: Upload) -> Asset:
        """Return the record of a valid upload. Only the header is checked. Damaged pixels are found when a job runs."""
        size = len(upload.data)
        if size > self.max_bytes:
            raise TooManyBytes(f"The image has {size:,} bytes; an asset can have at most {self.max_bytes:,}.")
        if upload.image_format not in ASSET_FORMATS:
            names = ", ".join(each.name for each in ASSET_FORMATS)
            raise UnsupportedImageType(f"The content is {upload.image_format.name}; an asset can be {names}.")
        header = read_image_header(upload.data)
        if header is None:
            raise NotAnImage("The header of the image can't be read.")
        self.limits.check_size((header.width, header.height))
        return Asset(
            name=name,
            digest=hashlib.sha256(upload.data).hexdigest(),
            size=size,
            format=upload.image_format.name,
            width=header.width,
            height=header.height,
            uploaded_at=self.clock(),
        )
