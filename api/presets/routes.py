"""``/v1/presets``: built-in presets and presets of the caller. Each change creates a new version."""

from http import HTTPStatus
from typing import Annotated, Any

from aws_lambda_powertools.event_handler import Response
from aws_lambda_powertools.event_handler.api_gateway import Router
from aws_lambda_powertools.event_handler.openapi.params import Header, Path, Query

from api.dependencies import Deps, caller
from api.http.body import read_json
from api.http.documented import documented
from api.http.etags import expected_version, version_tag
from api.http.parameters import Cursor
from api.http.responses import json_response
from api.presets.output_budget import OutputBudget
from api.presets.schemas import PresetBody, PresetPageView, PresetView
from api.presets.use_cases import get_preset, require_own_preset
from shared.errors import (
    BadCursor,
    BadJson,
    FieldError,
    InvalidPipeline,
    InvalidRequest,
    PresetBuiltIn,
    PresetChanged,
    PresetNotFound,
    RouteNotFound,
    UnsupportedMediaType,
)
from shared.names import NAME_PATTERN, is_name
from shared.pipeline.preset import BUILT_IN

MAX_PAGE = 100

router = Router()

PresetNameInPath = Annotated[str, Path(description="Name of the preset.", json_schema_extra={"pattern": NAME_PATTERN})]
IfMatch = Annotated[
    str | None,
    Header(
        alias="If-Match",
        description="`ETag` of the version that must be the newest. If it is not, the API returns 412.",
    ),
]


@router.get(
    "/v1/presets",
    operation_id="listPresets",
    summary="List presets",
    tags=["Presets"],
    responses=documented({200: ("A page of presets.", PresetPageView)}, BadCursor, InvalidRequest),
)
def list_presets(
    dependencies: Deps,
    limit: Annotated[int, Query(ge=1, le=MAX_PAGE, description="Presets of the caller per page.")] = MAX_PAGE,
    cursor: Cursor = None,
) -> Response[Any]:
    """List the built-in presets and the presets of the caller, each in its newest version."""
    if cursor is not None and not is_name(cursor):
        raise BadCursor
    page = dependencies.presets.page(caller(router.current_event), limit=limit, after=cursor)
    presets = (*(BUILT_IN.values() if cursor is None else ()), *page.entries)
    view = PresetPageView(presets=[PresetView.of(preset) for preset in presets], next_cursor=page.next_after)
    return json_response(view, HTTPStatus.OK, {})


@router.get(
    "/v1/presets/<name>",
    operation_id="getPreset",
    summary="Read a preset",
    tags=["Presets"],
    responses=documented({200: ("The preset.", PresetView), 304: ("Unchanged.", None)}, PresetNotFound, InvalidRequest),
)
def read_preset(
    name: PresetNameInPath,
    dependencies: Deps,
    version: Annotated[
        int | None,
        Query(
            ge=1, lt=10**9, description="Version to return, also of a deleted preset. By default, the newest version."
        ),
    ] = None,
    if_none_match: Annotated[str | None, Header(alias="If-None-Match")] = None,
) -> Response[Any]:
    """Return a preset, or `304` if `If-None-Match` has the `ETag` of this version."""
    preset = get_preset(dependencies.presets, caller(router.current_event), name, version)
    headers = {"ETag": version_tag(preset.version)}
    return json_response(PresetView.of(preset), HTTPStatus.OK, headers, if_none_match=if_none_match)


@router.put(
    "/v1/presets/<name>",
    operation_id="putPreset",
    summary="Create or change a preset",
    tags=["Presets"],
    responses=documented(
        {200: ("A new version.", PresetView), 201: ("The first version, or the first after a deletion.", PresetView)},
        BadJson,
        UnsupportedMediaType,
        PresetBuiltIn,
        PresetChanged,
        RouteNotFound,
        InvalidRequest,
        InvalidPipeline,
    ),
)
def put_preset(
    name: PresetNameInPath,
    dependencies: Deps,
    if_match: IfMatch = None,
    if_none_match: Annotated[
        str | None,
        Header(alias="If-None-Match", description="With `*`, the API returns 412 if the preset already exists."),
    ] = None,
) -> Response[Any]:
    """Store a pipeline under a name. Each change creates a new version. Earlier versions remain readable."""
    require_own_preset(name)
    if not is_name(name):
        raise InvalidRequest(errors=(FieldError("/name", f"does not match {NAME_PATTERN}"),))
    expected = expected_version(if_match, if_none_match)
    event = router.current_event
    body = PresetBody.read(read_json(event))
    pointer = "/pipeline/responsive" if body.pipeline.responsive else "/pipeline/outputs"
    OutputBudget.of(dependencies.settings).check(body.pipeline, pointer)
    preset, created = dependencies.presets.put(
        caller(event), name, body.pipeline, body.description, now=dependencies.clock(), expected=expected
    )
    headers = {"ETag": version_tag(preset.version)}
    if created:
        headers["Location"] = dependencies.links_for(event).preset(name)
    return json_response(PresetView.of(preset), HTTPStatus.CREATED if created else HTTPStatus.OK, headers)


@router.delete(
    "/v1/presets/<name>",
    operation_id="deletePreset",
    summary="Delete a preset",
    tags=["Presets"],
    responses=documented({204: ("Deleted.", None)}, PresetNotFound, PresetBuiltIn, PresetChanged, InvalidRequest),
)
def delete_preset(name: PresetNameInPath, dependencies: Deps, if_match: IfMatch = None) -> Response[Any]:
    """Delete a preset. Jobs that use it do not change, and its versions remain readable."""
    require_own_preset(name)
    if not is_name(name):
        raise PresetNotFound
    expected = expected_version(if_match, None)
    dependencies.presets.delete(caller(router.current_event), name, now=dependencies.clock(), expected=expected)
    return Response(HTTPStatus.NO_CONTENT)
