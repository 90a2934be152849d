"""The table of clips: which of them recognition has to listen to, and in which order a person looks at them."""

from storage.records import DOUBTFUL_CONFIDENCE, Clip
from storage.table import Table

MAX_HEARINGS = 2
"""A clip that has ended the process which listens to it so often is left alone."""

DOUBTFUL = f"(transcript_source = 'heard' and (given != '' or coalesce(confidence, 0) < {DOUBTFUL_CONFIDENCE}))"
"""As `Clip.is_doubtful` says."""

WAITING = f"(heard is null and transcript_source = '' and not is_excluded and hearings < {MAX_HEARINGS})"
"""Nothing is known of what is said in them, and recognition will listen to them."""


class Clips(Table[Clip]):
    """Rows of `Clip`."""

    name = "clips"
    kind = "clip"
    record = Clip

    def of_dataset(self, dataset_id: str) -> list[Clip]:
        return self.where("dataset_id = ?", [dataset_id])

    def of_file(self, file_id: str) -> list[Clip]:
        return self.where("file_id = ?", [file_id], order_by="start_seconds")

    def for_review(self, dataset_id: str, *, limit: int, offset: int) -> list[Clip]:
        """Doubtful ones first, the least sure at the top, then the others as they were said; excluded ones last."""
        return self._query(
            f"""
            select clips.* from clips join files on files.id = clips.file_id where clips.dataset_id = :dataset
            order by is_excluded, {DOUBTFUL} desc, case when {DOUBTFUL} then confidence end,
                files.rowid, start_seconds
            limit :limit offset :offset
            """,
            {"dataset": dataset_id, "limit": limit, "offset": offset},
        )

    def usable_seconds(self, file_id: str) -> float:
        """Seconds of a file's clips that are not excluded."""
        return sum(clip.duration_seconds for clip in self.where("file_id = ? and not is_excluded", [file_id]))

    def next_to_hear(self, *, limit: int) -> list[Clip]:
        """Clips of the dataset that has waited longest, in the order they came.

        Those without a person's text wait that were not heard yet, or in another language than that of the newest
        clone on their dataset. A dataset on which a training runs is left to it.
        """
        return self._query(
            f"""
            with spoken as (
                select id, (
                    select substr(language, 1, instr(language || '-', '-') - 1) from fine_tunes
                    where dataset_id = datasets.id order by created_at desc, rowid desc limit 1
                ) as language
                from datasets
                where id not in (select dataset_id from fine_tunes where status = 'training' and dataset_id is not null)
            ), waiting as (
                select clips.*, clips.rowid as place from clips join spoken on spoken.id = clips.dataset_id
                where transcript_source in ('', 'heard') and not is_excluded and hearings < {MAX_HEARINGS}
                    and (heard is null or clips.language != spoken.language)
            )
            select * from waiting
            where dataset_id = (select dataset_id from waiting order by place limit 1)
            order by place limit :limit
            """,
            {"limit": limit},
        )
