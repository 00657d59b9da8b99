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
from fastapi import FastAPI, Query, Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.responses import FileResponse, JSONResponse
from fastapi.staticfiles import StaticFiles
from starlette.background import BackgroundTask
from starlette.exceptions import HTTPException

from cryoglean.errors import CryogleanError, MicrographError, UsageError
from cryoglean.viewer.guard import Guard, Keys
from cryoglean.viewer.maps import NoMapError, OverlayKind
from cryoglean.viewer.messages import (
    Changes,
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
from cryoglean.viewer.viewed_run import NoSuchMicrographError, ViewedRun

STATIC = Path(__file__).parent / "static"
"""The page as it was built."""
READERS = 2
"""So many micrographs are read at once; the memory that takes is bounded thereby."""
THUMBNAIL_READERS = 1
"""So many for thumbnails, which nobody waits for."""
GONE = 499
"""Answers a request that nobody waits for any more."""

Lowpass = Annotated[float | None, Query(ge=0, le=10_000)]
PROBLEMS: dict[int | str, dict[str, object]] = {
    code: {"model": Problem} for code in (401, 403, 404, 409, 413, 415, 422)
}
JPEG: dict[int | str, dict[str, object]] = {200: {"content": {"image/jpeg": {}}}}
PNG: dict[int | str, dict[str, object]] = {200: {"content": {"image/png": {}}}}
BYTES: dict[int | str, dict[str, object]] = {200: {"content": {"application/octet-stream": {}}}}


def build_app(shown: ViewedRun, keys: Keys) -> Guard:
    """Put the server together.

    Parameters
    ----------
    shown : ViewedRun
        What is shown; it is started and closed with the server.
    keys : Keys
        What opens it.
    """

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        shown.start()
        yield
        await run_sync(shown.close)

    app = FastAPI(
        title="cryoglean view",
        lifespan=lifespan,
        # The usual pages of documentation would load scripts from the internet.
        docs_url=None,
        redoc_url=None,
        openapi_url="/api/openapi.json",
        redirect_slashes=False,
        responses=PROBLEMS,
    )
    _add_problems(app)
    _add_run(app, shown)
    _add_micrographs(app, shown)
    _add_learning(app, shown)
    _add_page(app)
    return Guard(app, keys)


def _add_problems(app: FastAPI) -> None:
    """Turn whatever goes wrong into one sentence."""

    @app.exception_handler(CryogleanError)
    async def _(_: Request, error: CryogleanError) -> JSONResponse:
        known = {NoSuchMicrographError: 404, MicrographError: 404, NoMapError: 404, UsageError: 422}
        code = next((code for kind, code in known.items() if isinstance(error, kind)), 409)
        return _problem(code, str(error))

    @app.exception_handler(RequestValidationError)
    async def _(_: Request, error: RequestValidationError) -> JSONResponse:
        first = error.errors()[0]
        place = ".".join(str(part) for part in first["loc"] if part != "body")
        return _problem(422, f"{place}: {first['msg']}" if place else str(first["msg"]))

    @app.exception_handler(HTTPException)
    async def _(_: Request, error: HTTPException) -> JSONResponse:
        return _problem(error.status_code, str(error.detail))

    @app.exception_handler(Exception)
    async def _(request: Request, error: Exception) -> JSONResponse:
        text = f"a defect in cryoglean, please report it: {type(error).__name__}: {error}"
        print(f"error: {request.method} {request.url.path}: {text}", file=sys.stderr)  # noqa: T201
        return _problem(500, text)


def _add_run(app: FastAPI, shown: ViewedRun) -> None:
    @app.get("/api/run")
    def _() -> RunInfo:
        return shown.info()

    @app.get("/api/micrographs", response_model=MicrographTable)
    def _() -> Response:
        return Response(shown.table(), media_type="application/json")

    @app.get("/api/histograms", response_class=Response, responses=BYTES)
    def _() -> Response:
        return Response(shown.histograms(), media_type="application/octet-stream")

    @app.get("/api/changes")
    def _(since: Annotated[int, Query(ge=0)] = 0) -> Changes:
        return shown.changes(since)

    @app.put("/api/threshold")
    def _(request: ThresholdRequest) -> ThresholdReply:
        return shown.set_threshold(request.value)

    @app.post("/api/export", response_class=FileResponse, responses=BYTES)
    def _(request: ExportRequest) -> FileResponse:
        folder = tempfile.TemporaryDirectory(prefix="cryoglean-export-")
        try:
            file = shown.export(request, Path(folder.name))
        except BaseException:
            folder.cleanup()
            raise
        sent = BackgroundTask(folder.cleanup)
        return FileResponse(file, filename=file.name, media_type="application/octet-stream", background=sent)


def _add_micrographs(app: FastAPI, shown: ViewedRun) -> None:
    readers, thumbnail_readers = Semaphore(READERS), Semaphore(THUMBNAIL_READERS)

    @app.get("/api/micrographs/{number}/picks", response_model=MicrographPicks)
    def _(number: int) -> Response:
        return Response(shown.picks(number).model_dump_json(), media_type="application/json")

    @app.get("/api/micrographs/{number}/levels")
    def _(number: int) -> Levels:
        return shown.levels(number)

    @app.get("/api/micrographs/{number}/image", response_class=Response, responses=JPEG)
    async def _(
        number: int,
        request: Request,
        *,
        level: Annotated[int, Query(ge=0, le=32)] = 0,
        lowpass: Lowpass = None,
    ) -> Response:
        return await _picture(request, readers, lambda: shown.picture(number, level, lowpass))

    @app.get("/api/micrographs/{number}/thumbnail", response_class=Response, responses=JPEG)
    async def _(number: int, request: Request) -> Response:
        return await _picture(request, thumbnail_readers, lambda: shown.thumbnail(number))

    @app.get("/api/micrographs/{number}/overlay/{what}", response_class=Response, responses=PNG)
    async def _(number: int, what: OverlayKind, request: Request) -> Response:
        return await _picture(request, readers, lambda: shown.overlay(number, what), kind="image/png")

    @app.put("/api/micrographs/{number}/corrections")
    def _(number: int, request: CorrectionsRequest) -> CorrectionsReply:
        return shown.correct(number, request)


def _add_learning(app: FastAPI, shown: ViewedRun) -> None:
    @app.get("/api/proposals", response_model=Proposals)
    def _() -> Response:
        return Response(shown.proposals(), media_type="application/json")

    @app.get("/api/training")
    def _() -> TrainingState:
        return shown.training.state

    @app.post("/api/training")
    def _(request: TrainingRequest) -> TrainingState:
        return shown.train(request)

    @app.delete("/api/training")
    def _() -> TrainingState:
        return shown.training.stop()


def _add_page(app: FastAPI) -> None:
    app.mount("/assets", StaticFiles(directory=STATIC / "assets", check_dir=False))

    @app.get("/", include_in_schema=False)
    def _() -> FileResponse:
        return FileResponse(STATIC / "index.html", media_type="text/html")


async def _picture(
    request: Request, turn: Semaphore, make: Callable[[], bytes], *, kind: str = "image/jpeg"
) -> Response:
    """Answer with a picture when it is this request's turn, unless nobody waits for it any more."""
    async with turn:
        if await request.is_disconnected():
            return Response(status_code=GONE)
        return Response(await run_sync(make), media_type=kind)


def _problem(code: int, text: str) -> JSONResponse:
    return JSONResponse(Problem(detail=text).model_dump(), code)
