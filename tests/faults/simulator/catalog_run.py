"""One random run of presets and assets: clients create, replace and delete them at the same time, with faults.

Each client repeats its request until it gets a response. Meanwhile jobs pin what they find.

====  ================================================================================================================
C1    A version of a preset never changes, and its number is never used again.
C2    A client that has got a version can read it for ever, also after the deletion of the preset.
C3    The newest version is in the list of versions.
C4    When all requests have ended, every record of an asset has its content.
C5    What a job has pinned is there as long as nobody has begun to delete the asset.
====  ================================================================================================================
"""

from collections.abc import Callable
from functools import partial

from faults.simulator.faults import Fault, Send
from faults.simulator.request_run import Record, RequestRun
from support.sample_images import make_png

from api.assets.use_cases import Assets
from api.http.body import Upload
from shared.jobs import object_keys
from shared.jobs.job import ANONYMOUS
from shared.pipeline.image_formats import PNG
from shared.pipeline.pipeline import Pipeline

IMAGES = tuple(make_png(4 + number, 4) for number in range(2))
PIPELINES = tuple(
    Pipeline.model_validate({"operations": [{"op": "resize", "width": 10 + number, "height": 10}]})
    for number in range(3)
)
NAMES = ("a", "b")


class CatalogRun(RequestRun):
    """One run of one seed."""

    requests_count = (3, 12)
    faulty_steps = 400

    def _prepare(self) -> None:
        #: Versions that a client has got: name, number, pipeline.
        self.given: set[tuple[str, int, str]] = set()
        #: Requests that delete an asset and have begun, by name.
        self.deletions: dict[str, int] = {}

    def _draw(self) -> Callable[[], object]:
        name = self.random.choice(NAMES)
        kind = self.random.choice(
            ("put preset", "put preset", "delete preset", *["put asset"] * 3, "delete asset", "pin")
        )
        self.world.watch.seen[kind] += 1
        match kind:
            case "put preset":
                return partial(self._put_preset, name, self.random.choice(PIPELINES))
            case "delete preset":
                return lambda: self.functions.dependencies.presets.delete(ANONYMOUS, name, now=self.world.clock())
            case "put asset":
                data = self.random.choice(IMAGES)
                return lambda: self._assets().put(name, ANONYMOUS, Upload(data=data, image_format=PNG))
            case "pin":
                return partial(self._pin, name)
        return partial(self._delete_asset, name)

    def _assets(self) -> Assets:
        return Assets.of(self.functions.dependencies)

    def _put_preset(self, name: str, pipeline: Pipeline) -> None:
        preset, _ = self.functions.dependencies.presets.put(ANONYMOUS, name, pipeline, "", now=self.world.clock())
        found = (name, preset.version, preset.pipeline.model_dump_json(exclude_none=True))
        self._demand(found not in self.given, f"C1 {found[:2]} was given to two clients")
        self.given.add(found)

    def _delete_asset(self, name: str) -> None:
        self.deletions[name] = self.deletions.get(name, 0) + 1
        self._assets().delete(name, ANONYMOUS)

    def _pin(self, name: str) -> None:
        begun = self.deletions.get(name, 0)
        asset = self._assets().get(name, ANONYMOUS)
        if not begun and not self.deletions.get(name, 0):
            key = object_keys.asset_key(ANONYMOUS, name, asset.digest)
            self._demand(key in self.world.bucket.objects, f"C5 {name}: a job has pinned content that is not there")

    def _written(self, table: str, old: Record | None, new: Record | None) -> None:
        if table != "LibraryTable" or new is None:
            return
        entry = new["Entry"]["S"]
        if entry.startswith("preset-version#"):
            self._demand(old is None or old == new, f"C1 {entry}: a version has changed")

    def _check_end(self) -> None:
        library = self.world.tables.tables["LibraryTable"].items.values()
        versions = {
            (item["Name"]["S"], int(item["Version"]["N"])): item for item in library if _is(item, "preset-version#")
        }
        for name, version, pipeline in self.given:
            stored = versions.get((name, version), {})
            self._demand(stored.get("Pipeline", {}).get("S") == pipeline, f"C2 {name} {version} is not what was given")
        for item in library:
            if _is(item, "preset#") and "Pipeline" in item:
                key = (item["Name"]["S"], int(item["Version"]["N"]))
                same = versions.get(key, {}).get("Pipeline") == item["Pipeline"]
                self._demand(same, f"C3 {key} is the newest version, but not in the list")
            elif _is(item, "asset#"):
                content = object_keys.asset_key(ANONYMOUS, item["Name"]["S"], item["Digest"]["S"])
                self._demand(content in self.world.bucket.objects, f"C4 {item['Name']['S']}: a record without content")

    def _plan(self, send: Send) -> Fault | None:
        fault = super()._plan(send)
        # S3 can't refuse a deletion that reaches it after the same content was stored again, and DynamoDB can't refuse
        # an asset's record that reaches it after the deletion of the asset.
        return None if fault is Fault.OVERDUE and send.operation in {"DeleteObject", "PutItem"} else fault


def _is(item: Record, prefix: str) -> bool:
    return str(item["Entry"]["S"]).startswith(prefix)
