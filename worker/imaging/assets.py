"""Assets: images that operations refer to by name. Each asset is decoded once for all frames and outputs."""

from collections.abc import Mapping
from functools import cache

from PIL import Image

from shared.errors import AssetUnusable, ImageError
from shared.pipeline.limits import Limits
from worker.imaging.decode import decode, open_image
from worker.imaging.operations.watermark import LoadAsset


def make_asset_loader(assets: Mapping[str, bytes], limits: Limits) -> LoadAsset:
    """Return a function that takes the name of an asset and returns its decoded image.

    The function raises AssetUnusable if the asset is missing or can't be decoded.
    """

    @cache
    def load(name: str) -> Image.Image:
        data = assets.get(name)
        if data is None:
            raise AssetUnusable(f"There is no asset named {name}.")
        try:
            return decode(open_image(data, limits)).image
        except ImageError as error:
            raise AssetUnusable(f"The asset {name} can't be used: {error.detail}") from error

    return load
