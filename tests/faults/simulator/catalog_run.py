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

import random
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import partial
from typing import Any

from faults.simulator.faults import KILLS, Fault, Send, no_faults
from faults.simulator.functions import Functions
from faults.simulator.invocations import End, Kind
from faults.simulator.random_run import Report
from faults.simulator.world import MAX_STEPS, World
from support.sample_images import make_png

from api.assets.use_cases import Assets
from api.http.body import Upload
from shared.errors import SafelightError, ServiceError
from shared.jobs import object_keys
from shared.jobs.job import ANONYMOUS
from shared.pipeline.image_formats import PNG
from shared.pipeline.pipeline import Pipeline

FAULTS = tuple(fault for fault in Fault if fault not in KILLS)
IMAGES = tuple(make_png(4 + number, 4) for number in range(2))
PIPELINES = tuple(
    Pipeline.model_validate({"operations": [{"op": "resize", "width": 10 + number, "height": 10}]})
    for number in range(3)
)
NAMES = ("a", "b")
Record = Mapping[str, Any]


@dataclass
class CatalogRun:
    """One run of one seed."""

    functions: Functions
    seed: int
    #: Versions that a client has got: name, number, pipeline.
    given: set[tuple[str, int, str]] = field(default_factory=set)
    #: Requests that delete an asset and have begun, by name.
    deletions: dict[str, int] = field(default_factory=dict)
    waiting: int = 0

    def __post_init__(self) -> None:
        self.random = random.Random(self.seed)
        random.seed(self.seed)
        self.world: World = self.functions.open()
        self.world.watch.observers.append(self._written)
        self.fault_rate = self.random.choice((0.0, 0.05, 0.2))
        self.kill_rate = self.random.choice((0.0, 0.02, 0.1))
        self.requests = [self._draw() for _ in range(self.random.randint(3, 12))]

    def go(self) -> Report:
        """Run to the end and check the result."""
        self.world.plan = self._plan
        try:
            for step in range(MAX_STEPS):
                if step > 400:
                    self.world.plan = no_faults
                if not self._step():
                    break
            self._check_end()
        finally:
            self.world.kill_all()
        return Report(self.seed, self.world.watch.breaches, self.world.watch.seen)

    def _demand(self, holds: bool, breach: str) -> None:
        self.world.watch._demand(holds, breach)

    def _step(self) -> bool:
        deeds: list[Callable[[], object]] = [partial(self.world.advance, actor) for actor in self.world.ready()]
        alive = [actor for actor in self.world.alive() if actor.parent is None]
        if self.requests and len(alive) < 4:
            deeds.append(lambda: self._send(self.requests.pop()))
        if not deeds:
            later = [each for each in self.world.alarms() if each > self.world.now]
            if later:
                self.world.pass_time(min(later) - self.world.now)
            return bool(later)
        self.random.choice(deeds)()
        return True

    def _send(self, request: Callable[[], object]) -> None:
        """Start a request, and repeat it after its end if it got no response or a 5xx response."""
        limit = self.functions.limit(Kind.API)
        actor = self.world.start(Kind.API, partial(self._answer, request), limit=limit)

        def repeat() -> None:
            if actor.end is not End.RETURNED or actor.result == "5xx":
                self._send(request)

        self.world.later(limit * 1.1, repeat)

    def _answer(self, request: Callable[[], object]) -> str:
        try:
            request()
        except ServiceError:
            return "5xx"
        except SafelightError:
            return "4xx"
        return "2xx"

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
        if self.random.random() < self.kill_rate:
            return self.random.choice((Fault.KILLED_BEFORE, Fault.KILLED_AFTER))
        fault = self.random.choice(FAULTS) if self.random.random() < self.fault_rate else None
        # S3 can't refuse a deletion that reaches it after the same content was stored again, and DynamoDB can't refuse
        # an asset's record that reaches it after the deletion of the asset.
        return None if fault is Fault.OVERDUE and send.operation in {"DeleteObject", "PutItem"} else fault


def _is(item: Record, prefix: str) -> bool:
    return str(item["Entry"]["S"]).startswith(prefix)
