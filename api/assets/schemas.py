"""Views of assets."""

from typing import Self

from pydantic import Field

from api.http.schemas import Timestamp, View
from shared.pipeline.asset import Asset
from shared.pipeline.image_formats import BY_NAME


class AssetView(View):
    """An asset, without its bytes."""

    name: str = Field(description="Name of the asset. The `image` of a watermark operation refers to it.")
    format: str
    media_type: str
    size: int = Field(description="Size in bytes.")
    width: int = Field(description="Pixels, after the EXIF orientation is applied. From the file's header.")
    height: int
    digest: str = Field(
        description="SHA-256 digest of the file, hexadecimal. A new job stores the digest of each asset that it uses."
    )
    uploaded_at: Timestamp

    @classmethod
    def of(cls, asset: Asset) -> Self:
        """Return the view of an asset."""
        return cls(
            name=asset.name,
            format=asset.format,
            media_type=BY_NAME[asset.format].media_type,
            size=asset.size,
            width=asset.width,
            height=asset.height,
            digest=asset.digest,
            uploaded_at=asset.uploaded_at,
        )


class AssetPageView(View):
    """A page of the caller's assets, sorted by name."""

    assets: list[AssetView]
    next_cursor: str | None = Field(description="Pass it as `cursor` to get the next page. Null on the last page.")
