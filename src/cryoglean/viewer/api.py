"""What can be asked of the server: thin, as all is done elsewhere."""

from __future__ import annotations

import sys
import tempfile
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Annotated

from anyio import Semaphore
from anyio.to_thread import run_sync
from fastapi import APIRouter, Depends, FastAPI, Query, Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.responses import FileResponse, JSONResponse
from fastapi.staticfiles import StaticFiles
from starlette.background import BackgroundTask
from starlette.exceptions import HTTPException

from cryoglean.errors import CryogleanError, MicrographError, UsageError
from cryoglean.viewer.classes import NoSuchClassError
from cryoglean.viewer.guard import Guard, Keys
from cryoglean.viewer.messages import (
    Changes,
    Classes,
    ClassReply,
    ClassRequest,
    CorrectionsReply,
    CorrectionsRequest,
    ExportRequest,
    Levels,
    MicrographPicks,
    MicrographTable,
    Problem,
    Proposals,
    RunInfo,
    ThresholdReply,
    ThresholdRequest,
    TrainingRequest,
    TrainingState,
)
from cryoglean.viewer.overlays import NoOverlayError, OverlayKind
from cryoglean.viewer.viewed_run import NoSuchMicrographError, ViewedRun

STATIC = Path(__file__).parent / "static"
"""The page as it was built."""
READERS = 2
"""So many micrographs are read at once; the memory that takes is bounded thereby."""
THUMBNAIL_READERS = 1
"""So many for thumbnails, which nobody waits for."""
GONE = 499
"""Answers a request that nobody waits for any more."""

PROBLEMS: dict[int | str, dict[str, object]] = {
    "default": {"model": Problem, "description": "Why the request was not answered."}
}
JPEG: dict[int | str, dict[str, object]] = {200: {"content": {"image/jpeg": {}}}}
PNG: dict[int | str, dict[str, object]] = {200: {"content": {"image/png": {}}}}
BYTES: dict[int | str, dict[str, object]] = {200: {"content": {"application/octet-stream": {}}}}

router = APIRouter(prefix="/api")


async def _viewed(request: Request) -> ViewedRun:
    run: ViewedRun = request.app.state.run
    return run


Viewed = Annotated[ViewedRun, Depends(_viewed)]
Lowpass = Annotated[float | None, Query(ge=0, le=10_000)]


def build_app(run: ViewedRun, keys: Keys) -> Guard:
    """Put the server together.

    Parameters
    ----------
    run : ViewedRun
        What is served; it is started and closed with the server.
    keys : Keys
        What opens it.
    """
    api = build_api()
    api.state.run = run
    api.state.readers, api.state.thumbnail_readers = Semaphore(READERS), Semaphore(THUMBNAIL_READERS)
    api.mount("/assets", StaticFiles(directory=STATIC / "assets", check_dir=False))
    api.add_api_route("/", _index, include_in_schema=False, response_class=FileResponse)
    return Guard(api, keys)


def build_api() -> FastAPI:
    """Put together what can be asked, whatever the run."""
    api = FastAPI(
        title="cryoglean view",
        lifespan=_lifespan,
        # The usual pages of documentation would load scripts from the internet.
        docs_url=None,
        redoc_url=None,
        openapi_url="/api/openapi.json",
        redirect_slashes=False,
        responses=PROBLEMS,
        generate_unique_id_function=lambda route: route.name,
    )
    api.include_router(router)
    api.add_exception_handler(CryogleanError, _on_error)
    api.add_exception_handler(RequestValidationError, _on_invalid_request)
    api.add_exception_handler(HTTPException, _on_http_error)
    api.add_exception_handler(Exception, _on_defect)
    return api


@asynccontextmanager
async def _lifespan(api: FastAPI) -> AsyncIterator[None]:
    run: ViewedRun = api.state.run
    run.start()
    yield
    try:
        await run_sync(run.close)
    except CryogleanError as error:
        kept = "corrections are kept, and `cryoglean select` writes the results"
        print(f"error: {error}; {kept}", file=sys.stderr)  # noqa: T201


async def _index() -> FileResponse:
    return FileResponse(STATIC / "index.html", media_type="text/html")


# The run ----------------------------------------------------------------------------------------------------


@router.get("/run")
def get_run(run: Viewed) -> RunInfo:
    """Return what the run is."""
    return run.info()


@router.get("/micrographs", response_model=MicrographTable)
def get_micrographs(run: Viewed) -> Response:
    """Return all micrographs."""
    return Response(run.table(), media_type="application/json")


@router.get("/histograms", response_class=Response, responses=BYTES)
def get_histograms(run: Viewed) -> Response:
    """Return picks by score, 256 counts for each micrograph, 16-bit, little endian."""
    return Response(run.histograms(), media_type="application/octet-stream")


@router.get("/changes")
def get_changes(run: Viewed, since: Annotated[int, Query(ge=0)] = 0) -> Changes:
    """Return which micrographs have changed after a revision."""
    return run.changes(since)


@router.put("/threshold")
def put_threshold(run: Viewed, request: ThresholdRequest) -> ThresholdReply:
    """Select the picks of the run anew, as `cryoglean select --min-score`."""
    return run.set_threshold(request.value)


@router.post("/export", response_class=FileResponse, responses=BYTES)
def post_export(run: Viewed, request: ExportRequest) -> FileResponse:
    """Return picks as one file, or a ZIP of many."""
    folder = tempfile.TemporaryDirectory(prefix="cryoglean-export-")
    try:
        file = run.export(request, Path(folder.name))
    except BaseException:
        folder.cleanup()
        raise
    sent = BackgroundTask(folder.cleanup)
    return FileResponse(file, filename=file.name, media_type="application/octet-stream", background=sent)


# Micrographs ------------------------------------------------------------------------------------------------


@router.get("/micrographs/{number}/picks", response_model=MicrographPicks)
def get_picks(run: Viewed, number: int) -> Response:
    """Return the candidates of a micrograph and its corrections."""
    return Response(run.picks(number).model_dump_json(), media_type="application/json")


@router.get("/micrographs/{number}/levels")
def get_levels(run: Viewed, number: int) -> Levels:
    """Return the sizes of a micrograph's pictures."""
    return run.levels(number)


@router.get("/micrographs/{number}/image", response_class=Response, responses=JPEG)
async def get_image(
    request: Request,
    run: Viewed,
    number: int,
    *,
    level: Annotated[int, Query(ge=0, le=32)] = 0,
    lowpass: Lowpass = None,
) -> Response:
    """Return a micrograph as a picture; level 0 is full size, each further one half of it."""
    readers = request.app.state.readers
    return await _picture(request, readers, lambda: run.picture(number, level, lowpass))


@router.get("/micrographs/{number}/thumbnail", response_class=Response, responses=JPEG)
async def get_thumbnail(request: Request, run: Viewed, number: int) -> Response:
    """Return a micrograph as a small picture."""
    return await _picture(request, request.app.state.thumbnail_readers, lambda: run.thumbnail(number))


@router.get("/micrographs/{number}/overlay/{kind}", response_class=Response, responses=PNG)
async def get_overlay(request: Request, run: Viewed, number: int, *, kind: OverlayKind) -> Response:
    """Return a map of the picker as a grey picture that covers the whole micrograph."""
    readers = request.app.state.readers
    return await _picture(request, readers, lambda: run.overlay(number, kind), media_type="image/png")


@router.put("/micrographs/{number}/corrections")
def put_corrections(run: Viewed, number: int, request: CorrectionsRequest) -> CorrectionsReply:
    """Make corrections on top of those that were made before."""
    return run.correct(number, request)


# Classes ----------------------------------------------------------------------------------------------------


@router.get("/classes")
def get_classes(run: Viewed) -> Classes:
    """Return the 2D classes of the run's picks."""
    return run.classes.table()


@router.get("/classes/{number}/average", response_class=Response, responses=PNG)
def get_class_average(run: Viewed, number: int) -> Response:
    """Return the average of a class as a grey picture."""
    return Response(run.classes.picture(number), media_type="image/png")


@router.put("/classes/{number}")
def put_class(run: Viewed, number: int, request: ClassRequest) -> ClassReply:
    """Reject a class, or accept it again."""
    return run.classes.reject(number) if request.rejected else run.classes.accept(number)


# Fine-tuning ------------------------------------------------------------------------------------------------


@router.get("/proposals", response_model=Proposals)
def get_proposals(run: Viewed) -> Response:
    """Return which micrographs are worth correcting."""
    return Response(run.proposals(), media_type="application/json")


@router.get("/training")
def get_training(run: Viewed) -> TrainingState:
    """Return how the training goes."""
    return run.training.state


@router.post("/training")
def post_training(run: Viewed, request: TrainingRequest) -> TrainingState:
    """Start to train from the corrections of the run."""
    return run.train(request)


@router.delete("/training")
def delete_training(run: Viewed) -> TrainingState:
    """Stop the training."""
    return run.training.stop()


# ------------------------------------------------------------------------------------------------------------


async def _picture(
    request: Request, turn: Semaphore, make: Callable[[], bytes], *, media_type: str = "image/jpeg"
) -> Response:
    """Answer with a picture when it is this request's turn, unless nobody waits for it any more."""
    async with turn:
        if await request.is_disconnected():
            return Response(status_code=GONE)
        return Response(await run_sync(make), media_type=media_type)


async def _on_error(_: Request, error: Exception) -> JSONResponse:
    missing = (NoSuchMicrographError, NoSuchClassError, MicrographError, NoOverlayError)
    code = 404 if isinstance(error, missing) else 422 if isinstance(error, UsageError) else 409
    return _problem(code, str(error))


async def _on_invalid_request(_: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, RequestValidationError)
    first = error.errors()[0]
    place = ".".join(str(part) for part in first["loc"] if part != "body")
    return _problem(422, f"{place}: {first['msg']}" if place else str(first["msg"]))


async def _on_http_error(_: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, HTTPException)
    return _problem(error.status_code, str(error.detail))


async def _on_defect(request: Request, error: Exception) -> JSONResponse:
    text = f"a defect in cryoglean, please report it: {type(error).__name__}: {error}"
    print(f"error: {request.method} {request.url.path}: {text}", file=sys.stderr)  # noqa: T201
    return _problem(500, text)


def _problem(code: int, text: str) -> JSONResponse:
    return JSONResponse(Problem(detail=text).model_dump(), code)
