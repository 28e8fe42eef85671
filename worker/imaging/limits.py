"""What a picture may cost, decided from its header before a pixel is decoded."""

from dataclasses import dataclass

from shared.errors import SideTooLong, TooManyBytes, TooManyPixels


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """Limits of one raw image and of what is made from it."""

    max_bytes: int
    max_pixels: int
    max_side: int
    """Pixels."""

    def check_bytes(self, count: int) -> None:
        """Raise TooManyBytes."""
        if count > self.max_bytes:
            raise TooManyBytes(f"The image file has {count:,} bytes; {self.max_bytes:,} are allowed.")

    def check_size(self, size: tuple[int, int]) -> None:
        """Raise SideTooLong or TooManyPixels. A 34-byte file can claim any size, so bytes tell nothing."""
        width, height = size
        if max(size) > self.max_side:
            raise SideTooLong(f"The image measures {width} × {height} pixels; {self.max_side:,} a side are allowed.")
        if width * height > self.max_pixels:
            raise TooManyPixels(
                f"The image has {width} × {height} = {width * height:,} pixels; {self.max_pixels:,} are allowed.",
            )
