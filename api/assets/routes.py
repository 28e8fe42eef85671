"""``/v1/assets``: stored images that watermarks refer to by name."""

from datetime import timedelta
from http import HTTPStatus
from typing import Annotated, Any

from aws_lambda_powertools.event_handler import Response
from aws_lambda_powertools.event_handler.api_gateway import Router
from aws_lambda_powertools.event_handler.openapi.params import Path, Query

from api.assets.schemas import AssetPageView, AssetView
from api.assets.use_cases import Assets
from api.dependencies import Deps, caller
from api.http.body import read_upload
from api.http.documented import documented
from api.http.gateway_event import is_head
from api.http.parameters import Cursor, IfNoneMatch, Redirect
from api.http.responses import json_response, link_response
from api.http.schemas import LinkView
from shared.errors import (
    AssetNotFound,
    BadBase64,
    BadCursor,
    BadJson,
    BadMultipart,
    BodyTooLarge,
    EmptyBody,
    FieldError,
    InvalidRequest,
    NotAnImage,
    RouteNotFound,
    SideTooLong,
    TooManyBytes,
    TooManyPixels,
    UnsupportedImageType,
    UnsupportedMediaType,
)
from shared.filenames import replace_extension
from shared.names import NAME_PATTERN, is_name
from shared.pipeline.image_formats import BY_NAME

MAX_PAGE = 100

router = Router()

AssetName = Annotated[str, Path(description="Name of the asset.", json_schema_extra={"pattern": NAME_PATTERN})]


@router.get(
    "/v1/assets",
    operation_id="listAssets",
    summary="List assets",
    tags=["Assets"],
    responses=documented({200: ("A page of assets.", AssetPageView)}, BadCursor, InvalidRequest),
)
def list_assets(
    dependencies: Deps,
    limit: Annotated[int, Query(ge=1, le=MAX_PAGE, description="Assets per page.")] = MAX_PAGE,
    cursor: Cursor = None,
) -> Response[Any]:
    """List the caller's assets, sorted by name."""
    if cursor is not None and not is_name(cursor):
        raise BadCursor
    page = dependencies.assets.page(caller(router.current_event), limit=limit, after=cursor)
    view = AssetPageView(assets=[AssetView.of(asset) for asset in page.entries], next_cursor=page.next_after)
    return json_response(view, HTTPStatus.OK, {})


@router.get(
    "/v1/assets/<name>",
    operation_id="getAsset",
    summary="Read an asset",
    tags=["Assets"],
    responses=documented({200: ("The asset, without its bytes.", AssetView), 304: ("Unchanged.", None)}, AssetNotFound),
)
def read_asset(name: AssetName, dependencies: Deps, if_none_match: IfNoneMatch = None) -> Response[Any]:
    """Return the size, format and digest of an asset."""
    asset = Assets.of(dependencies).get(name, caller(router.current_event))
    headers = {"ETag": f'"{asset.digest}"'}
    return json_response(AssetView.of(asset), HTTPStatus.OK, headers, if_none_match=if_none_match)


@router.get(
    "/v1/assets/<name>/image",
    operation_id="getAssetImage",
    summary="Fetch the image of an asset",
    tags=["Assets"],
    responses=documented(
        {303: ("Redirect to the image.", LinkView), 200: ("The link, with `redirect=false`.", LinkView)},
        AssetNotFound,
        InvalidRequest,
    ),
)
def read_asset_image(name: AssetName, dependencies: Deps, redirect: Redirect = True) -> Response[Any]:
    """Redirect to a temporary link to the current content of an asset."""
    event = router.current_event
    owner = caller(event)
    asset = Assets.of(dependencies).get(name, owner)
    image_format = BY_NAME[asset.format]
    filename = replace_extension(name, image_format.extension)
    images = dependencies.images_for(dependencies.links_for(event))
    lifetime = timedelta(seconds=dependencies.settings.link_seconds)
    now = dependencies.clock()
    link = images.asset_link(owner, asset, filename=filename, lifetime=lifetime, now=now, is_head=is_head(event))
    view = LinkView.of(link, media_type=image_format.media_type, size=asset.size, filename=filename)
    return link_response(view, redirect=redirect)


@router.put(
    "/v1/assets/<name>",
    operation_id="putAsset",
    summary="Store an asset",
    tags=["Assets"],
    responses=documented(
        {200: ("Replaced.", AssetView), 201: ("Created.", AssetView)},
        EmptyBody,
        BadBase64,
        BadJson,
        BadMultipart,
        BodyTooLarge,
        TooManyBytes,
        UnsupportedMediaType,
        UnsupportedImageType,
        RouteNotFound,
        InvalidRequest,
        NotAnImage,
        SideTooLong,
        TooManyPixels,
    ),
)
def put_asset(name: AssetName, dependencies: Deps) -> Response[Any]:
    """Store a PNG, JPEG or WebP image under a name. The image can be sent in the same ways as in `POST /v1/jobs`.

    Jobs that exist already use the content that the asset had when they were created.
    """
    if not is_name(name):
        raise InvalidRequest(errors=(FieldError("/name", f"does not match {NAME_PATTERN}"),))
    event = router.current_event
    upload = read_upload(event)
    if upload.options:
        raise InvalidRequest(errors=tuple(FieldError(f"/{each}", "is unknown") for each in sorted(upload.options)))
    asset, created = Assets.of(dependencies).put(name, caller(event), upload)
    headers = {"ETag": f'"{asset.digest}"'}
    if created:
        headers["Location"] = dependencies.links_for(event).asset(name)
    return json_response(AssetView.of(asset), HTTPStatus.CREATED if created else HTTPStatus.OK, headers)


@router.delete(
    "/v1/assets/<name>",
    operation_id="deleteAsset",
    summary="Delete an asset",
    tags=["Assets"],
    responses=documented({204: ("Deleted.", None)}, AssetNotFound),
)
def delete_asset(name: AssetName, dependencies: Deps) -> Response[Any]:
    """Delete an asset with its current and earlier contents. Open jobs that use the asset fail."""
    Assets.of(dependencies).delete(name, caller(router.current_event))
    return Response(HTTPStatus.NO_CONTENT)
