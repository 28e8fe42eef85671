"""Views of assets."""

from typing import Self

from pydantic import Field

from api.http.schemas import Timestamp, View
from shared.pipeline.asset import Asset
from shared.pipeline.image_formats import BY_NAME


class AssetView(View):
    """An asset, without its bytes."""

    name: str = Field(description="Referred to by `image` of a watermark.")
    format: str
    media_type: str
    size: int = Field(description="Bytes.")
    width: int = Field(description="Pixels, upright, from the header.")
    height: int
    digest: str = Field(description="SHA-256 of the bytes, hexadecimal. A job pins it when it is created.")
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
    """A page of the caller's assets, by name."""

    assets: list[AssetView]
    next_cursor: str | None = Field(description="Pass it as `cursor` to get the next page. Null on the last page.")
