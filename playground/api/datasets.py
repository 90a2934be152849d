"""`/datasets`: recordings of one speaker, and the files in them."""

from fastapi import APIRouter, Request, Response
from fastapi.concurrency import run_in_threadpool

from playground.api import dataset_schemas as schemas
from playground.api.dependencies import GivenParts
from playground.api.paging import GivenPaging
from playground.api.schemas import Page
from playground.api.uploads import UPLOAD_FORM, receive_files
from playground.parts import Parts
from playground.services.errors import full_disk_in_words
from storage.errors import NotFound
from storage.records import DatasetFile

router = APIRouter(prefix="/datasets", tags=["datasets"])


@router.get("")
def list_datasets(parts: GivenParts, paging: GivenPaging) -> Page[schemas.Dataset]:
    return paging.envelope(parts.datasets.page(**paging.arguments()), schemas.Dataset.of)


@router.post("")
def create_dataset(body: schemas.NewDataset, parts: GivenParts) -> schemas.Dataset:
    return schemas.Dataset.of(parts.datasets.create(body.name, body.description))


@router.get("/{dataset_id}")
def get_dataset(dataset_id: str, parts: GivenParts) -> schemas.Dataset:
    return schemas.Dataset.of(parts.datasets.get(dataset_id))


@router.patch("/{dataset_id}", status_code=204)
def update_dataset(dataset_id: str, body: schemas.DatasetChange, parts: GivenParts) -> None:
    parts.datasets.update(dataset_id, name=body.name, description=body.description)
    if body.reduces_noise is not None:
        parts.datasets.set_noise_reduction(dataset_id, is_on=body.reduces_noise)


@router.delete("/{dataset_id}", status_code=204)
def delete_dataset(dataset_id: str, parts: GivenParts) -> None:
    """Refused (409) while a training uses it; finished clones keep their own reference clips."""
    parts.datasets.delete(dataset_id)


@router.get("/{dataset_id}/files")
def list_files(dataset_id: str, parts: GivenParts, paging: GivenPaging) -> Page[schemas.DatasetFile]:
    page = parts.datasets.files_page(dataset_id, **paging.arguments())
    return paging.envelope(page, schemas.DatasetFile.of)


@router.post("/{dataset_id}/files", status_code=204, openapi_extra=UPLOAD_FORM)
async def upload_file(dataset_id: str, request: Request, parts: GivenParts) -> Response:
    """Take in a recording of any format, a zip of them, or a text (`.txt`, `.csv`, `.srt`, `.vtt`); checked later."""
    await run_in_threadpool(parts.datasets.get, dataset_id)
    with full_disk_in_words(), parts.storage.media.scratch_folder() as folder:
        for received in await receive_files(request, folder):
            await run_in_threadpool(parts.datasets.add_file, dataset_id, received.filename, received.path)
    return Response(status_code=204)


@router.delete("/{dataset_id}/files/{file_id}", status_code=204)
def delete_file(dataset_id: str, file_id: str, parts: GivenParts) -> None:
    parts.datasets.remove_file(file_of(parts, dataset_id, file_id).id)


def file_of(parts: Parts, dataset_id: str, file_id: str) -> DatasetFile:
    """A file that is in this dataset; raises NotFound."""
    parts.datasets.get(dataset_id)
    file = parts.datasets.get_file(file_id)
    if file.dataset_id != dataset_id:
        raise NotFound("file", file_id)
    return file
